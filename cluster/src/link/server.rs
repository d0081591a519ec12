//! The server side: accepts and authenticates connections, and serves their requests.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::frame::{FrameReader, Kind, MAX_BODY_BYTES, MAX_HELLO_BYTES, MAX_IN_FLIGHT, put};
use super::hello::{Hello, Purpose, Role, Welcome, encode};
use super::known_members::KnownKey;
use super::places::Places;
use super::refusal::Refusal;
use super::tls::{Session, Tls};
use super::transport::{Accept, Stream, Transport};
use super::{Identity, hello};
use crate::host::repeats::Repeats;

/// Most authenticated connections. Fifteen voters and all workers need 230.
const MAX_CONNECTIONS: usize = 320;
/// Most authenticated connections of one member: twice as many as it has lanes.
const MEMBER_SHARE: usize = 10;
/// Most connections of all that are no members, under whatever node ids.
const STRANGERS_SHARE: usize = 64;
/// Most connections that are not authenticated yet. They do not count as authenticated ones.
const MAX_HANDSHAKES: usize = 64;
/// For TLS and hello together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest request of a caller that is nobody yet.
const MAX_JOIN_BYTES: usize = 16 << 10;
/// A peer that does not read its replies for this long is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Replies are written together up to about this size.
const WRITE_BATCH_BYTES: usize = 256 << 10;

/// The authenticated peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The peer's node id.
    pub node: NodeId,
    /// The Ed25519 key of the peer's TLS handshake.
    pub key: [u8; 32],
    /// The purpose of the connection.
    pub purpose: Purpose,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Answer {
    /// The body of the reply.
    Reply(Vec<u8>),
    /// Not served, and nothing was done; the reason in words.
    Denied(String),
}

/// Serves requests of authenticated callers.
pub trait Service: Send + Sync + 'static {
    /// Called once per request. The future is polled once before the next request of the connection
    /// is read, so work that the first poll hands on keeps the order of arrival.
    fn serve(&self, caller: &Caller, body: Bytes) -> BoxFuture<'static, Answer>;
}

/// A listening node link. Dropping it closes the port and every connection.
pub struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Binds and serves on the current runtime.
    pub async fn start(
        identity: Identity,
        transport: &dyn Transport,
        listen: String,
        service: Arc<dyn Service>,
    ) -> io::Result<Self> {
        let tls = Tls::new(&identity.keys).map_err(io::Error::other)?;
        let listener = transport.listen(listen).await?;
        let address = listener.address()?;
        let accepting = tokio::spawn(accept_all(identity, tls, listener, service));
        Ok(Self { address, accepting })
    }

    /// Closes the port and every connection. The port is free on return.
    pub async fn close(mut self) {
        self.accepting.abort();
        // The result is the abort's error.
        let _ = (&mut self.accepting).await;
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept_all(
    identity: Identity,
    tls: Tls,
    mut listener: Box<dyn Accept>,
    service: Arc<dyn Service>,
) {
    let acceptor = TlsAcceptor::from(tls.server);
    let members = Arc::new(Mutex::new(Places::new(MAX_CONNECTIONS)));
    let mut handshakes = Places::new(MAX_HANDSHAKES);
    let refusals = Arc::new(Repeats::default());
    // Aborting this task drops the set, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept node connections");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let Some(evicted) = handshakes.take(from.ip(), MAX_HANDSHAKES) else {
            tracing::debug!(%from, "node connection refused: too many handshakes");
            continue;
        };
        let (identity, acceptor, service) = (identity.clone(), acceptor.clone(), service.clone());
        let (members, refusals) = (Arc::clone(&members), Arc::clone(&refusals));
        connections.spawn(async move {
            let accepted = tokio::select! {
                accepted = timeout(
                    HANDSHAKE_TIMEOUT,
                    accept_hello(&identity, acceptor, stream, &members),
                ) => accepted,
                _ = evicted => {
                    tracing::debug!("node connection without a hello evicted by a newer one");
                    return;
                }
            };
            match accepted {
                Ok(Ok((stream, caller, evicted))) => {
                    let ended = tokio::select! {
                        ended = serve(stream, &caller, &*service) => ended,
                        _ = evicted => Err(io::Error::other("evicted by a newer connection")),
                    };
                    if let Err(error) = ended {
                        tracing::debug!(node = caller.node.0, %error, "node connection ended");
                    }
                }
                Ok(Err(error)) => log_refusal(&refusals, from, &error.to_string()),
                Err(_) => log_refusal(&refusals, from, "it timed out before its hello"),
            }
        });
    }
}

/// Peers that are refused come again, several times a second.
fn log_refusal(refusals: &Repeats, from: SocketAddr, why: &str) {
    let from = from.ip();
    if let Some(repeated) = refusals.due(format!("{from} {why}")) {
        tracing::info!(%from, why, repeated, "node connection refused");
    }
}

type Tcp = TlsStream<Box<dyn Stream>>;
/// Places of authenticated connections, by member; `None` for all that are no members.
type MemberPlaces = Places<Option<NodeId>>;

async fn accept_hello(
    identity: &Identity,
    acceptor: TlsAcceptor,
    stream: Box<dyn Stream>,
    members: &Mutex<MemberPlaces>,
) -> io::Result<(Tcp, Caller, oneshot::Receiver<()>)> {
    let mut stream = acceptor.accept(stream).await?;
    let session = Session::of_server(stream.get_ref().1).map_err(io::Error::other)?;
    let hello = read_hello(&mut stream).await?;
    let claimed = hello.as_ref().ok().map(|hello| hello.node);
    let checked = hello.and_then(|hello| {
        hello.check(identity, &session, Role::Client, None)?;
        Ok(hello)
    });
    let checked = checked.and_then(|hello| {
        let (group, share) = match identity.members.key_of(hello.node) {
            KnownKey::Is(_) => (Some(hello.node), MEMBER_SHARE),
            KnownKey::Unknown => (None, STRANGERS_SHARE),
        };
        let place = members.lock().take(group, share);
        Ok((hello, place.ok_or(Refusal::TooManyConnections)?))
    });
    let answer = match &checked {
        Ok((hello, _)) => {
            Welcome::Accepted(Hello::new(identity, hello.purpose, &session, Role::Server))
        }
        Err(refusal) => Welcome::Refused(refusal.clone()),
    };
    let mut out = Vec::new();
    let body = encode(&answer);
    put(&mut out, Kind::Hello, 0, &body);
    stream.write_all(&out).await?;
    stream.flush().await?;
    match checked {
        Ok((hello, evicted)) => Ok((
            stream,
            Caller {
                node: hello.node,
                key: session.peer_key,
                purpose: hello.purpose,
            },
            evicted,
        )),
        Err(refusal) => {
            // The reason must arrive before the connection closes.
            stream.shutdown().await?;
            let _ = stream.read(&mut [0; 1]).await;
            Err(io::Error::other(match claimed {
                Some(node) => format!("a program as node {node}: {refusal}"),
                None => refusal.to_string(),
            }))
        }
    }
}

async fn read_hello(stream: &mut Tcp) -> io::Result<Result<Hello, Refusal>> {
    // The client sends nothing after its hello until the reply, so the reader's buffer is empty
    // when it is dropped.
    let mut reader = FrameReader::new(stream, MAX_HELLO_BYTES);
    match reader.next().await? {
        Some(frame) if frame.kind == Kind::Hello => Ok(hello::decode(&frame.body)),
        Some(_) => Ok(Err(Refusal::Malformed)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Serves one connection until either end closes it.
async fn serve(stream: Tcp, caller: &Caller, service: &dyn Service) -> io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    let longest = match caller.purpose {
        Purpose::Member | Purpose::Bootstrap => MAX_BODY_BYTES,
        Purpose::Join => MAX_JOIN_BYTES,
    };
    let mut reader = FrameReader::new(read, longest);
    let mut running = FuturesUnordered::new();
    let mut out = Vec::new();
    loop {
        tokio::select! {
            frame = reader.next(), if running.len() < MAX_IN_FLIGHT => {
                let Some(frame) = frame? else { return Ok(()) };
                if frame.kind != Kind::Request {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "not a request"));
                }
                let id = frame.id;
                let mut future = service.serve(caller, frame.body);
                match first_poll(&mut future) {
                    Some(answer) => put_answer(&mut out, id, answer),
                    None => running.push(async move { (id, future.await) }),
                }
            }
            Some((id, answer)) = running.next() => put_answer(&mut out, id, answer),
        }
        while out.len() < WRITE_BATCH_BYTES {
            let Some(Some((id, answer))) = running.next().now_or_never() else {
                break;
            };
            put_answer(&mut out, id, answer);
        }
        write_out(&mut write, &mut out).await?;
    }
}

async fn write_out(write: &mut (impl AsyncWrite + Unpin), out: &mut Vec<u8>) -> io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let sent = timeout(WRITE_TIMEOUT, async {
        write.write_all(out).await?;
        write.flush().await
    });
    sent.await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the peer reads no replies"))??;
    if out.capacity() > 2 * WRITE_BATCH_BYTES {
        *out = Vec::new();
    }
    out.clear();
    Ok(())
}

fn put_answer(out: &mut Vec<u8>, id: u64, answer: Answer) {
    match answer {
        Answer::Reply(body) if body.len() <= MAX_BODY_BYTES => put(out, Kind::Reply, id, &body),
        Answer::Reply(body) => {
            let why = format!("the reply of {} bytes is too large", body.len());
            put(out, Kind::Denied, id, why.as_bytes());
        }
        Answer::Denied(why) => put(out, Kind::Denied, id, why.as_bytes()),
    }
}

/// Polls once, outside tokio's budget: pending then means waiting, not a spent budget.
fn first_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::task::unconstrained(future).now_or_never()
}
