//! The network as a machine sees it: turmoil's, with every arrival in the trace.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cameo_cluster::link::{Accept, Stream, Transport};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use turmoil::net::{TcpListener, TcpStream};

use super::clock::elapsed;
use super::conditions::{Conditions, Fate};
use super::trace::Trace;

/// The network of one machine.
#[derive(Clone)]
pub(super) struct SimNetwork {
    pub machine: Arc<str>,
    pub conditions: Conditions,
    pub trace: Trace,
}

impl SimNetwork {
    /// Connects to `machine:port`.
    pub(super) async fn open(&self, address: &str) -> io::Result<SimStream> {
        let (to, _) = address.split_once(':').unwrap_or((address, ""));
        if !self.conditions.may_open(&self.machine, to) {
            // Nothing comes back; the caller has a time limit.
            std::future::pending::<()>().await;
        }
        let stream = TcpStream::connect(address).await?;
        Ok(self.stream(stream, to.into(), true))
    }

    fn stream(&self, inner: TcpStream, peer: Arc<str>, opened: bool) -> SimStream {
        SimStream {
            inner,
            network: self.clone(),
            peer,
            opened,
            late: None,
        }
    }
}

impl Transport for SimNetwork {
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let network = self.clone();
        Box::pin(async move {
            let stream = network.open(&address).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    /// Listens on the port of `address` for the whole network.
    fn listen(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Accept>>> {
        let network = self.clone();
        Box::pin(async move {
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            let port: u16 = port.ok_or(io::ErrorKind::InvalidInput)?;
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            Ok(Box::new(SimAccept { listener, network }) as Box<dyn Accept>)
        })
    }
}

struct SimAccept {
    listener: TcpListener,
    network: SimNetwork,
}

impl Accept for SimAccept {
    fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = self.listener.accept().await?;
            let peer = turmoil::reverse_lookup(from.ip()).unwrap_or_default();
            let stream = self.network.stream(stream, peer.into(), false);
            Ok((Box::new(stream) as Box<dyn Stream>, from))
        })
    }
}

/// One end of a connection.
pub(super) struct SimStream {
    inner: TcpStream,
    network: SimNetwork,
    peer: Arc<str>,
    /// This end has opened it.
    opened: bool,
    /// Writes wait for this.
    late: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let network = &self.network;
        let arrived = &buffer.filled()[before..];
        network
            .trace
            .arrived(elapsed(), &self.peer, &network.machine, arrived);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(late) = &mut self.late {
            ready!(late.poll_unpin(cx));
            self.late = None;
        }
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        let network = &self.network;
        let fate = network
            .conditions
            .write(&network.machine, &self.peer, self.opened, written);
        match fate {
            Fate::Sent => {}
            Fate::Late(by) => self.late = Some(Box::pin(tokio::time::sleep(by))),
            Fate::Broken => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
