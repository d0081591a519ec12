//! Byte streams below the links: TCP in production, a simulated network in the simulator.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A listener for connections.
pub trait Accept: Send {
    /// The bound address, with the real port when port 0 was requested.
    fn address(&self) -> io::Result<SocketAddr>;
    /// Waits for the next connection, and says whose it is.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, SocketAddr)>>;
}

/// Opens and accepts streams.
pub trait Transport: Send + Sync {
    /// Opens a stream to `host:port`. The caller sets the time limit.
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
    /// Binds `host:port`.
    fn listen(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Accept>>>;
}

/// Plain TCP with `TCP_NODELAY`.
#[derive(Debug, Default, Clone, Copy)]
pub struct TcpTransport;

impl TcpTransport {
    /// The transport as a shared trait object.
    pub fn shared() -> Arc<dyn Transport> {
        Arc::new(Self)
    }
}

impl Transport for TcpTransport {
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn listen(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Accept>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            Ok(Box::new(TcpAccept(listener)) as Box<dyn Accept>)
        })
    }
}

struct TcpAccept(TcpListener);

impl Accept for TcpAccept {
    fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = self.0.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Box<dyn Stream>, from))
        })
    }
}
