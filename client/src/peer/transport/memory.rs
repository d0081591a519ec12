//! An in-memory transport for tests and simulation: devices can be killed, and there is no clock
//! and no randomness of its own.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{ConnectError, DeviceKey, Exchange, Incoming, PeerAddress, PeerTransport, Refusal};

/// Buffered bytes in one direction of one stream.
const BUFFER_BYTES: usize = 64 * 1024;
/// Requests queued for `accept`.
const ACCEPT_QUEUE: usize = 64;

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

    /// A new device at a new address. The key is taken as given.
    pub fn bind(self: &Arc<Self>, device: DeviceKey) -> Arc<MemoryTransport> {
        let (requests, incoming) = mpsc::channel(ACCEPT_QUEUE);
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

    /// Drops everything to and from the device from now on, without closing its streams.
    pub fn kill(&self, device: &DeviceKey) {
        for port in self.ports().bound.values() {
            if port.device == *device {
                port.dead.store(true, Ordering::SeqCst);
            }
        }
    }

    fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock()
    }
}

impl MemoryTransport {
    async fn dial(&self, peer: &PeerAddress) -> Result<Exchange, ConnectError> {
        if peer.device == self.device {
            return Err(ConnectError::OwnAddress);
        }
        let port = {
            let ports = self.network.ports();
            peer.direct
                .iter()
                .find_map(|address| ports.bound.get(address).cloned())
        };
        let Some(port) = port else {
            return Err(ConnectError::Unreachable("no device listens there".into()));
        };
        if self.dead.load(Ordering::SeqCst) || port.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if port.device != peer.device {
            return Err(ConnectError::WrongIdentity);
        }
        let connection = Arc::new(Connection {
            ends: [Arc::clone(&self.dead), Arc::clone(&port.dead)],
            refusal: AtomicU32::new(0),
        });
        let (request_out, request_in) = one_way(&connection);
        let (answer_out, answer_in) = one_way(&connection);
        let incoming = Incoming {
            device: self.device,
            reader: Box::new(request_in),
            writer: Box::new(answer_out),
            refuse: Box::new(move |refusal| {
                connection.refusal.store(refusal.code(), Ordering::SeqCst);
            }),
        };
        let sent = port.requests.send(incoming).await;
        sent.map_err(|_| ConnectError::Unreachable("no device listens there".into()))?;
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

/// State shared by both directions of one stream.
struct Connection {
    ends: [Arc<AtomicBool>; 2],
    /// [`Refusal::code`], 0 while there is none.
    refusal: AtomicU32,
}

impl Connection {
    /// Whether an end was killed: then no byte passes.
    fn is_dead(&self) -> bool {
        self.ends.iter().any(|end| end.load(Ordering::SeqCst))
    }

    fn refusal(&self) -> Option<Refusal> {
        Refusal::from_code(self.refusal.load(Ordering::SeqCst).into())
    }
}

/// One end of one direction.
struct End {
    stream: DuplexStream,
    connection: Arc<Connection>,
}

fn one_way(connection: &Arc<Connection>) -> (End, End) {
    let (out, into) = duplex(BUFFER_BYTES);
    let end = |stream| End {
        stream,
        connection: Arc::clone(connection),
    };
    (end(out), end(into))
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.is_dead() {
            return Poll::Pending;
        }
        if let Some(refusal) = self.connection.refusal() {
            return Poll::Ready(Err(refusal.into()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        match (&polled, self.connection.refusal()) {
            // After a refusal the stream ends: report the refusal instead.
            (Poll::Ready(_), Some(refusal)) if buffer.filled().len() == before => {
                Poll::Ready(Err(refusal.into()))
            }
            _ => polled,
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.connection.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_dead() {
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
