//! Mock nodes of tests: TLS on a node's key, with any routes behind it.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use cameo_common::ids::NodeId;
use cameo_common::keys::SigningKey;
use cameo_tls::API_ALPN;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The key of a mock node.
pub(crate) fn node_key(id: impl Into<NodeId>) -> SigningKey {
    SigningKey::from_seed([id.into().0 as u8; 32])
}

/// A bound port that is not served yet.
pub(crate) struct MockPort {
    listener: TcpListener,
    pub url: String,
}

impl MockPort {
    pub async fn bind() -> Self {
        Self::bind_to("127.0.0.1:0").await
    }

    /// A port that may have been used before.
    pub async fn bind_to(address: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// Serves these routes by the key of a node.
    pub fn serve(self, node: impl Into<NodeId>, routes: Router) -> Serving {
        let config = cameo_tls::server(Arc::new(node_key(node)), API_ALPN).unwrap();
        let listener = TlsListener {
            listener: self.listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        Serving(tokio::spawn(
            async move { axum::serve(listener, routes).await },
        ))
    }
}

/// A served port, until the end of the test or before.
pub(crate) struct Serving(JoinHandle<std::io::Result<()>>);

impl Serving {
    /// Frees the port.
    pub async fn stop(self) {
        self.0.abort();
        let _aborted = self.0.await;
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            // A client that wants another key hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
