//! The production transport: QUIC by iroh, authenticated by the device's Ed25519 key.
//!
//! Only addresses from the directory or the user are dial_error: no relay, no address look-up, no
//! port mapping, no third party's servers.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use iroh::endpoint::{
    BindError, BindOpts, ConnectError as DialError, ConnectWithOptsError, ConnectingError,
    Connection, ConnectionError, IdleTimeout, NetReportConfig, PortmapperConfig,
    QuicTransportConfig, ReadError, RecvStream, SendStream, TransportErrorCode, VarInt, presets,
};
use iroh::{Endpoint, EndpointAddr, PublicKey, SecretKey, TransportAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{
    ALPN, CONNECT_DEADLINE, ConnectError, DeviceKey, Exchange, Incoming, PeerAddress,
    PeerTransport, Refusal,
};
use crate::peer::places::{Place, Places};

/// A connection without any incoming packet for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(6);
/// Interval of keep-alive packets; well below [`IDLE_TIMEOUT`].
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// A connection without a request for this long is closed.
const UNUSED_TIMEOUT: Duration = Duration::from_secs(30);
/// Open incoming connections, without evicted ones that are still in use. A further one evicts the
/// oldest.
const MAX_CONNECTIONS: usize = 256;
/// Open requests of one connection.
const MAX_STREAMS: u32 = 16;
/// Requests queued for `accept`; further streams wait in their connection.
const ACCEPT_QUEUE: usize = 64;
/// Direct addresses of one peer that are tried.
const MAX_ADDRESSES: usize = 16;

/// Key and listening addresses of a device.
pub struct IrohBinding {
    /// The device's Ed25519 seed.
    pub seed: Zeroizing<[u8; 32]>,
    /// At most one address each for IPv4 and IPv6; empty for every interface and any port.
    pub bind: Vec<SocketAddr>,
    /// Whether 127.0.0.1 is published among the device's addresses.
    pub advertise_loopback: bool,
}

/// An endpoint that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {reason}; choose one address for each of IPv4 and IPv6")]
    Address { address: SocketAddr, reason: String },
    #[error("cannot listen for peers: {0}; is the port in use by another agent?")]
    Bind(#[from] BindError),
}

/// A device's QUIC endpoint.
pub struct IrohTransport {
    endpoint: Endpoint,
    advertise_loopback: bool,
    incoming: Mutex<mpsc::Receiver<Incoming>>,
    acceptor: JoinHandle<()>,
}

impl IrohTransport {
    pub async fn bind(binding: IrohBinding) -> Result<Arc<Self>, ListenError> {
        let mut builder = Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(&binding.seed))
            .alpns(vec![ALPN.to_vec()])
            .transport_config(quic())
            .portmapper_config(PortmapperConfig::Disabled)
            .net_report_config(NetReportConfig::minimal());
        if !binding.bind.is_empty() {
            builder = builder.clear_ip_transports();
        }
        for &address in &binding.bind {
            builder = builder
                .bind_addr_with_opts(address, BindOpts::default())
                .map_err(|error| ListenError::Address {
                    address,
                    reason: error.to_string(),
                })?;
        }
        let endpoint = builder.bind().await?;
        let (found, incoming) = mpsc::channel(ACCEPT_QUEUE);
        Ok(Arc::new(Self {
            acceptor: tokio::spawn(accept_connections(endpoint.clone(), found)),
            endpoint,
            advertise_loopback: binding.advertise_loopback,
            incoming: Mutex::new(incoming),
        }))
    }

    async fn dial(&self, peer: &PeerAddress) -> Result<Exchange, ConnectError> {
        if peer.device == self.device() {
            return Err(ConnectError::OwnAddress);
        }
        if peer.direct.is_empty() {
            return Err(ConnectError::Unreachable("it has no address".into()));
        }
        let key = PublicKey::from_bytes(&peer.device).map_err(|_| ConnectError::InvalidKey)?;
        let addresses = peer.direct.iter().take(MAX_ADDRESSES).copied();
        let address = EndpointAddr::from_parts(key, addresses.map(TransportAddr::Ip));
        let connection = self
            .endpoint
            .connect(address, ALPN)
            .await
            .map_err(dial_error)?;
        let (send, receive) = connection.open_bi().await.map_err(connection_error)?;
        let open = Arc::new(connection);
        Ok(Exchange {
            reader: Box::new(Receiving {
                stream: receive,
                _open: Arc::clone(&open),
            }),
            writer: Box::new(Sending {
                stream: send,
                _open: open,
            }),
        })
    }
}

impl PeerTransport for IrohTransport {
    fn device(&self) -> DeviceKey {
        *self.endpoint.id().as_bytes()
    }

    fn local_addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> = self.endpoint.addr().ip_addrs().copied().collect();
        addresses.retain(|address| !address.ip().is_loopback());
        if self.advertise_loopback {
            addresses.extend(self.endpoint.bound_sockets().iter().filter_map(loopback));
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    fn connect<'a>(
        &'a self,
        peer: &'a PeerAddress,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Exchange, ConnectError>> {
        Box::pin(async move {
            match timeout(deadline, self.dial(peer)).await {
                Ok(result) => result,
                Err(_) => Err(ConnectError::Unreachable(format!(
                    "no answer within {} ms",
                    deadline.as_millis()
                ))),
            }
        })
    }

    fn accept(&self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async move { self.incoming.lock().await.recv().await })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.endpoint.close())
    }
}

impl Drop for IrohTransport {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// QUIC settings. Bbr3, because the default congestion control is slower by a factor of twenty at
/// 1% loss and 40 ms round trips.
fn quic() -> QuicTransportConfig {
    let idle = IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT.as_millis() as u32));
    QuicTransportConfig::builder()
        .congestion_controller_factory(Arc::new(noq_proto::congestion::Bbr3Config::default()))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .default_path_max_idle_timeout(IDLE_TIMEOUT)
        .default_path_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .build()
}

/// The loopback address of a bound socket, if it has one.
fn loopback(bound: &SocketAddr) -> Option<SocketAddr> {
    match bound.ip() {
        ip if ip.is_loopback() => Some(*bound),
        IpAddr::V4(ip) if ip.is_unspecified() => {
            Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), bound.port()))
        }
        _ => None,
    }
}

async fn accept_connections(endpoint: Endpoint, found: mpsc::Sender<Incoming>) {
    let mut places = Places::new(MAX_CONNECTIONS);
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while connections.try_join_next().is_some() {}
        let mut evicted = places.take();
        let found = found.clone();
        connections.spawn(async move {
            let Ok(connecting) = incoming.accept() else {
                return;
            };
            let connected = tokio::select! {
                connected = timeout(CONNECT_DEADLINE, connecting) => connected,
                _ = &mut evicted => return,
            };
            match connected {
                Ok(Ok(connection)) => accept_requests(connection, evicted, found).await,
                Ok(Err(error)) => tracing::debug!(%error, "a peer's handshake failed"),
                Err(_) => tracing::debug!("a peer's handshake timed out"),
            }
        });
    }
}

/// Forwards each stream of a connection until the peer closes it or leaves it unused, or a newer
/// connection gets its place. The connection is kept open while a stream is, because a written
/// answer may not be sent yet.
async fn accept_requests(
    connection: Connection,
    mut evicted: Place,
    found: mpsc::Sender<Incoming>,
) {
    let device = *connection.remote_id().as_bytes();
    let open = Arc::new(connection);
    loop {
        let next = tokio::select! {
            next = timeout(UNUSED_TIMEOUT, open.accept_bi()) => next,
            _ = &mut evicted => return,
        };
        let (send, receive) = match next {
            Ok(Ok(streams)) => streams,
            Ok(Err(_)) => return,
            Err(_) if Arc::strong_count(&open) == 1 => return,
            Err(_) => continue,
        };
        let refused = Arc::clone(&open);
        let incoming = Incoming {
            device,
            reader: Box::new(Receiving {
                stream: receive,
                _open: Arc::clone(&open),
            }),
            writer: Box::new(Sending {
                stream: send,
                _open: Arc::clone(&open),
            }),
            refuse: Box::new(move |refusal| {
                refused.close(
                    VarInt::from_u32(refusal.code()),
                    refusal.to_string().as_bytes(),
                );
            }),
        };
        if found.send(incoming).await.is_err() {
            return;
        }
    }
}

/// A receive stream. The connection is closed with the last of its streams.
struct Receiving {
    stream: RecvStream,
    _open: Arc<Connection>,
}

/// A send stream; see [`Receiving`].
struct Sending {
    stream: SendStream,
    _open: Arc<Connection>,
}

impl AsyncRead for Receiving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.stream), context, buffer).map_err(refusal_within)
    }
}

impl AsyncWrite for Sending {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.stream), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.stream), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.stream), context)
    }
}

/// Finds a [`Refusal`]: a peer refuses a device by closing the connection after the handshake.
fn refusal_within(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(ReadError::ConnectionLost(ConnectionError::ApplicationClosed(close))) = cause
        && let Some(refusal) = Refusal::from_code(close.error_code.into_inner())
    {
        return refusal.into();
    }
    error
}

fn dial_error(error: DialError) -> ConnectError {
    match error {
        DialError::Connect {
            source: ConnectWithOptsError::SelfConnect { .. },
            ..
        } => ConnectError::OwnAddress,
        DialError::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        }
        | DialError::Connection { source, .. } => connection_error(source),
        other => ConnectError::Unreachable(other.to_string()),
    }
}

fn connection_error(error: ConnectionError) -> ConnectError {
    let code = match &error {
        ConnectionError::TransportError(failure) => failure.code,
        ConnectionError::ConnectionClosed(close) => close.error_code,
        _ => return ConnectError::Unreachable(error.to_string()),
    };
    match tls_alert(code) {
        Some(NO_APPLICATION_PROTOCOL) => ConnectError::OtherVersion,
        Some(_) => ConnectError::WrongIdentity,
        None => ConnectError::Unreachable(error.to_string()),
    }
}

/// RFC 8446, section 6.2.
const NO_APPLICATION_PROTOCOL: u64 = 120;

/// RFC 9001, section 4.8: a TLS alert is QUIC's error 0x0100 plus the alert.
fn tls_alert(code: TransportErrorCode) -> Option<u64> {
    let code = u64::from(code);
    (0x100..0x200).contains(&code).then_some(code & 0xff)
}

impl fmt::Debug for IrohTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IrohTransport")
            .field("device", &self.endpoint.id().fmt_short().to_string())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IrohBinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IrohBinding")
            .field("bind", &self.bind)
            .field("advertise_loopback", &self.advertise_loopback)
            .finish_non_exhaustive()
    }
}
