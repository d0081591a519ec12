//! The transport's in-memory twin, for tests and simulation: one network a value,
//! devices that can be killed, no clock and no randomness of its own.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{
    BoxFuture, ConnectError, DeviceKey, Exchange, Incoming, PeerAddress, PeerTransport, Refusal,
};

/// Bytes on their way in one direction of one stream.
const IN_FLIGHT: usize = 64 * 1024;
/// Requests that wait for `accept`.
const WAITING: usize = 64;

/// A network of devices in one process.
#[derive(Default)]
pub struct MemoryNetwork {
    ports: Mutex<Ports>,
}

#[derive(Default)]
struct Ports {
    bound: HashMap<SocketAddr, Port>,
    next: u16,
}

#[derive(Clone)]
struct Port {
    device: DeviceKey,
    requests: mpsc::Sender<Incoming>,
    dead: Arc<AtomicBool>,
}

/// One device on a [`MemoryNetwork`].
pub struct MemoryTransport {
    network: Arc<MemoryNetwork>,
    device: DeviceKey,
    address: SocketAddr,
    incoming: tokio::sync::Mutex<mpsc::Receiver<Incoming>>,
    closed: tokio::sync::watch::Sender<bool>,
    dead: Arc<AtomicBool>,
}

impl MemoryNetwork {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A new device at an address of its own. The network believes it its key.
    pub fn bind(self: &Arc<Self>, device: DeviceKey) -> Arc<MemoryTransport> {
        let (requests, incoming) = mpsc::channel(WAITING);
        let dead = Arc::new(AtomicBool::new(false));
        let mut ports = self.ports();
        ports.next += 1;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.next));
        let port = Port {
            device,
            requests,
            dead: Arc::clone(&dead),
        };
        ports.bound.insert(address, port);
        drop(ports);
        Arc::new(MemoryTransport {
            network: Arc::clone(self),
            device,
            address,
            incoming: tokio::sync::Mutex::new(incoming),
            closed: tokio::sync::watch::Sender::new(false),
            dead,
        })
    }

    /// From now on nothing reaches or leaves the device, and nobody is told.
    pub fn kill(&self, device: &DeviceKey) {
        for port in self.ports().bound.values() {
            if port.device == *device {
                port.dead.store(true, Ordering::SeqCst);
            }
        }
    }

    fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryTransport {
    async fn dial(&self, peer: &PeerAddress) -> Result<Exchange, ConnectError> {
        if peer.device == self.device {
            return Err(ConnectError::Ourselves);
        }
        let port = {
            let ports = self.network.ports();
            peer.direct
                .iter()
                .find_map(|address| ports.bound.get(address).cloned())
        };
        let Some(port) = port else {
            return Err(ConnectError::Unreachable("nobody listens there".into()));
        };
        if self.dead.load(Ordering::SeqCst) || port.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if port.device != peer.device {
            return Err(ConnectError::WrongIdentity);
        }
        let line = Arc::new(Line {
            ends: [Arc::clone(&self.dead), Arc::clone(&port.dead)],
            refusal: AtomicU32::new(0),
        });
        let (request_out, request_in) = wire(&line);
        let (answer_out, answer_in) = wire(&line);
        let incoming = Incoming {
            device: self.device,
            reader: Box::new(request_in),
            writer: Box::new(answer_out),
            refuse: Box::new(move |refusal| line.refusal.store(refusal.code(), Ordering::SeqCst)),
        };
        let sent = port.requests.send(incoming).await;
        sent.map_err(|_| ConnectError::Unreachable("nobody listens there".into()))?;
        Ok(Exchange {
            reader: Box::new(answer_in),
            writer: Box::new(request_out),
        })
    }
}

impl PeerTransport for MemoryTransport {
    fn device(&self) -> DeviceKey {
        self.device
    }

    fn local_addresses(&self) -> Vec<SocketAddr> {
        vec![self.address]
    }

    fn connect<'a>(
        &'a self,
        peer: &'a PeerAddress,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Exchange, ConnectError>> {
        Box::pin(async move {
            tokio::select! {
                biased;
                result = self.dial(peer) => result,
                () = sleep(deadline) => Err(ConnectError::Unreachable(format!(
                    "no answer within {} ms",
                    deadline.as_millis()
                ))),
            }
        })
    }

    fn accept(&self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async move {
            let mut closed = self.closed.subscribe();
            let mut incoming = self.incoming.lock().await;
            tokio::select! {
                biased;
                _ = closed.wait_for(|closed| *closed) => None,
                request = incoming.recv() => request,
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.network.ports().bound.remove(&self.address);
        self.closed.send_replace(true);
        Box::pin(std::future::ready(()))
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.network.ports().bound.remove(&self.address);
    }
}

/// What both directions of one stream share.
struct Line {
    ends: [Arc<AtomicBool>; 2],
    /// [`Refusal::code`], 0 while there is none.
    refusal: AtomicU32,
}

impl Line {
    /// Once an end is dead, all on the line is silence.
    fn is_dead(&self) -> bool {
        self.ends.iter().any(|end| end.load(Ordering::SeqCst))
    }

    fn refusal(&self) -> Option<Refusal> {
        Refusal::from_code(self.refusal.load(Ordering::SeqCst).into())
    }
}

/// One end of one direction.
struct Wire {
    stream: DuplexStream,
    line: Arc<Line>,
}

fn wire(line: &Arc<Line>) -> (Wire, Wire) {
    let (out, into) = duplex(IN_FLIGHT);
    let end = |stream| Wire {
        stream,
        line: Arc::clone(line),
    };
    (end(out), end(into))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line.is_dead() {
            return Poll::Pending;
        }
        if let Some(refusal) = self.line.refusal() {
            return Poll::Ready(Err(refusal.into()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        match (&polled, self.line.refusal()) {
            // A refusal shows itself as the end of the stream.
            (Poll::Ready(_), Some(refusal)) if buffer.filled().len() == before => {
                Poll::Ready(Err(refusal.into()))
            }
            _ => polled,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryNetwork")
            .field("devices", &self.ports().bound.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryTransport")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
