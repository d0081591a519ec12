//! A way from this machine to the API of a node in a namespace, for programs that are not ours: the
//! real client.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use cameo_common::ids::NodeId;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::network::Dialer;
use super::port::ClientsCut;

/// Forwards connections to one node. Ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    listening: AbortHandle,
}

impl Relay {
    /// Listens on a free port. Connections of clients that are cut off are closed.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(
        node: NodeId,
        dialer: Dialer,
        to: SocketAddr,
        cut: Arc<ClientsCut>,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let listen = async move {
            while let Ok((client, _)) = listener.accept().await {
                let (dialer, cut) = (dialer.clone(), cut.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        // Either end may end it: no error of ours.
                        _ended = forward(client, &dialer, to) => {}
                        () = cut.cut(node) => {}
                    }
                });
            }
        };
        Ok(Self {
            address,
            listening: tokio::spawn(listen).abort_handle(),
        })
    }

    /// The URL that the node has to advertise.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn forward(mut client: TcpStream, dialer: &Dialer, to: SocketAddr) -> io::Result<()> {
    let mut node = dialer.connect(to).await?;
    copy_bidirectional(&mut client, &mut node).await?;
    Ok(())
}
