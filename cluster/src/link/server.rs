//! The listening end: accepts, authenticates, and serves requests in the order they came.

use std::collections::VecDeque;
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
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::frame::{FrameReader, Kind, MAX_BODY_BYTES, MAX_HELLO_BYTES, MAX_IN_FLIGHT, put};
use super::hello::{Hello, Purpose, Role, Welcome, encode};
use super::refusal::Refusal;
use super::tls::{Session, Tls};
use super::transport::{Accept, Stream, Transport};
use super::{Identity, hello};

/// Connections whose hello has passed; fifteen voters need a quarter of it, all workers less than half.
const MAX_CONNECTIONS: usize = 256;
/// Connections whose hello has not passed yet. They take no place from those whose has.
const MAX_ARRIVING: usize = 64;
/// TLS and hello together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that takes no answers for so long is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Answers ready together go out in one write up to about this size.
const WRITE_BATCH_BYTES: usize = 256 << 10;

/// The authenticated other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its node id.
    pub node: NodeId,
    /// The Ed25519 key it proved.
    pub key: [u8; 32],
    /// What it may ask for.
    pub purpose: Purpose,
}

/// What a request gets.
#[derive(Debug)]
pub enum Answer {
    /// The reply's body.
    Reply(Vec<u8>),
    /// Not served, and nothing was done; why, in words.
    Denied(String),
}

/// Serves requests of authenticated callers.
pub trait Service: Send + Sync + 'static {
    /// Called once a request. The future is polled for the first time before the next request of
    /// the connection is looked at, so what a first poll hands on keeps the order of arrival.
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
        let tls = Tls::new(identity.keys.clone()).map_err(io::Error::other)?;
        let listener = transport.listen(listen).await?;
        let address = listener.address()?;
        let accepting = tokio::spawn(accept_all(identity, tls, listener, service));
        Ok(Self { address, accepting })
    }

    /// Closes the port and every connection; the port is free when it returns.
    pub async fn close(mut self) {
        self.accepting.abort();
        // Ends by error: it was aborted.
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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut arriving = Arriving::default();
    // Aborting this task drops the set, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept node connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let given_up = arriving.next();
        let (identity, acceptor, service) = (identity.clone(), acceptor.clone(), service.clone());
        let places = places.clone();
        connections.spawn(async move {
            let welcomed = tokio::select! {
                welcomed = timeout(HANDSHAKE_TIMEOUT, welcome(&identity, acceptor, stream, places)) => welcomed,
                _ = given_up => {
                    tracing::debug!("node connection gave way to a newer one before its hello");
                    return;
                }
            };
            match welcomed {
                Ok(Ok((stream, caller, _place))) => {
                    if let Err(error) = serve(stream, &caller, &*service).await {
                        tracing::debug!(node = caller.node.0, %error, "node connection ended");
                    }
                }
                Ok(Err(error)) => tracing::info!(%error, "node connection refused"),
                Err(_) => tracing::info!("node connection gave no hello in time"),
            }
        });
    }
}

/// Connections that have not been welcomed yet. The newest comes in and the oldest gives way: a
/// member's hello takes milliseconds, and whoever holds connections open without one is the oldest.
#[derive(Debug, Default)]
struct Arriving(VecDeque<oneshot::Sender<()>>);

impl Arriving {
    /// One more; what it gets ends when it has to give way.
    fn next(&mut self) -> oneshot::Receiver<()> {
        self.0.retain(|gone| !gone.is_closed());
        if self.0.len() >= MAX_ARRIVING {
            self.0.pop_front();
        }
        let (gives_way, given_up) = oneshot::channel();
        self.0.push_back(gives_way);
        given_up
    }
}

type Tcp = TlsStream<Box<dyn Stream>>;

async fn welcome(
    identity: &Identity,
    acceptor: TlsAcceptor,
    stream: Box<dyn Stream>,
    places: Arc<Semaphore>,
) -> io::Result<(Tcp, Caller, OwnedSemaphorePermit)> {
    let mut stream = acceptor.accept(stream).await?;
    let session = Session::of_server(stream.get_ref().1).map_err(io::Error::other)?;
    let checked = read_hello(&mut stream).await?.and_then(|hello| {
        hello.check(identity, &session, Role::Client, None)?;
        Ok(hello)
    });
    let checked = checked.and_then(|hello| match places.try_acquire_owned() {
        Ok(place) => Ok((hello, place)),
        Err(_) => Err(Refusal::Crowded),
    });
    let answer = match &checked {
        Ok((hello, _)) => {
            Welcome::Come(Hello::new(identity, hello.purpose, &session, Role::Server))
        }
        Err(refusal) => Welcome::Refused(refusal.clone()),
    };
    let mut out = Vec::new();
    let body = encode(&answer).map_err(io::Error::other)?;
    put(&mut out, Kind::Hello, 0, &body);
    stream.write_all(&out).await?;
    stream.flush().await?;
    match checked {
        Ok((hello, place)) => Ok((
            stream,
            Caller {
                node: hello.node,
                key: session.peer_key,
                purpose: hello.purpose,
            },
            place,
        )),
        Err(refusal) => {
            // The reason must arrive before the close.
            stream.shutdown().await?;
            let _ = stream.read(&mut [0; 1]).await;
            Err(io::Error::other(refusal))
        }
    }
}

async fn read_hello(stream: &mut Tcp) -> io::Result<Result<Hello, Refusal>> {
    // The client sends nothing after its hello until it is answered, so the reader keeps nothing.
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
    let mut reader = FrameReader::new(read, MAX_BODY_BYTES);
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
                    Some(answer) => answered(&mut out, id, answer),
                    None => running.push(async move { (id, future.await) }),
                }
            }
            Some((id, answer)) = running.next() => answered(&mut out, id, answer),
        }
        while out.len() < WRITE_BATCH_BYTES {
            let Some(Some((id, answer))) = running.next().now_or_never() else {
                break;
            };
            answered(&mut out, id, answer);
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
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the peer takes no answers"))??;
    if out.capacity() > 2 * WRITE_BATCH_BYTES {
        *out = Vec::new();
    }
    out.clear();
    Ok(())
}

fn answered(out: &mut Vec<u8>, id: u64, answer: Answer) {
    match answer {
        Answer::Reply(body) if body.len() <= MAX_BODY_BYTES => put(out, Kind::Reply, id, &body),
        Answer::Reply(body) => {
            let why = format!("the reply of {} bytes is too large", body.len());
            put(out, Kind::Denied, id, why.as_bytes());
        }
        Answer::Denied(why) => put(out, Kind::Denied, id, why.as_bytes()),
    }
}

/// Polls once, outside tokio's budget, so that "not yet" means waiting and not a spent budget.
fn first_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::task::unconstrained(future).now_or_never()
}
