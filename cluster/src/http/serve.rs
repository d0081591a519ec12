//! The HTTP listener, with a limit of connections.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::link::{Accept, Stream};

/// Most connections of one node, of which up to 10,000 are event streams. Above the limit a
/// connection waits until another one ends.
const MAX_CONNECTIONS: usize = 12_000;
/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// The port for clients. Clones share it, so that it stays open from one router to the next.
#[derive(Clone)]
pub struct ClientPort {
    address: SocketAddr,
    listener: Arc<Mutex<Box<dyn Accept>>>,
}

impl ClientPort {
    /// A port that is open.
    ///
    /// # Errors
    /// When the system does not say its address.
    pub fn new(listener: Box<dyn Accept>) -> io::Result<Self> {
        Ok(Self {
            address: listener.address()?,
            listener: Arc::new(Mutex::new(listener)),
        })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for ClientPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientPort({})", self.address)
    }
}

impl Listener for ClientPort {
    type Io = Box<dyn Stream>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let mut listener = self.listener.lock().await;
        loop {
            match listener.accept().await {
                Ok(stream) => return (stream, ()),
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept clients");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(())
    }
}

/// An error of the connection that was to be accepted, not of the port.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Serves clients until `end`, then finishes the calls in flight.
pub async fn serve(
    listener: ClientPort,
    router: Router,
    end: impl Future<Output = ()> + Send + 'static,
) {
    let listener = Limited::new(listener, MAX_CONNECTIONS);
    // Errors of single connections do not end the loop, so the result is never an error.
    let _never = axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await;
}

/// A listener that accepts a connection only with a permit.
struct Limited<L> {
    listener: L,
    permits: Arc<Semaphore>,
}

impl<L> Limited<L> {
    fn new(listener: L, permits: usize) -> Self {
        Self {
            listener,
            permits: Arc::new(Semaphore::new(permits)),
        }
    }
}

async fn permit(permits: Arc<Semaphore>) -> OwnedSemaphorePermit {
    match permits.acquire_owned().await {
        Ok(permit) => permit,
        // The semaphore is never closed.
        Err(_) => std::future::pending().await,
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Counted<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let permit = permit(self.permits.clone()).await;
        let (io, address) = self.listener.accept().await;
        (
            Counted {
                io,
                _permit: permit,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that holds its permit until it is dropped.
struct Counted<Io> {
    io: Io,
    _permit: OwnedSemaphorePermit,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Counted<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Counted<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_connection_above_the_limit_waits() {
        // given one connection more than there are permits
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = Limited::new(listener, 2);
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let (first, _) = listener.accept().await;
        let (_second, _) = listener.accept().await;
        // then the last one is not accepted
        let third = timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(third.is_err());
        // until another one is closed
        drop(first);
        let third = timeout(Duration::from_secs(30), listener.accept()).await;
        assert!(third.is_ok());
    }
}
