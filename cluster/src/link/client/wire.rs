//! One authenticated connection, client side.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{CallError, Dial};
use crate::link::Identity;
use crate::link::frame::{FrameReader, Kind, MAX_BODY_BYTES, MAX_HELLO_BYTES, MAX_IN_FLIGHT, put};
use crate::link::hello::{Dialed, Hello, Role, Welcome, decode, encode};
use crate::link::refusal::Refusal;
use crate::link::tls::{Session, Tls};
use crate::link::transport::{Stream, Transport};

/// For the TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For TLS and hello together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is dropped when a call times out and nothing was received for this long: after a
/// partition, TCP may wait many seconds before it retransmits.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(1);
/// Queued requests are written together up to about this size.
const WRITE_BATCH_BYTES: usize = 256 << 10;

/// A connection; closed when dropped.
pub struct Wire {
    outbound: mpsc::Sender<Vec<u8>>,
    replies: Arc<Replies>,
    next_id: AtomicU64,
    tasks: [AbortHandle; 2],
}

type Reply = Result<Bytes, CallError>;

/// Replies that are still to come.
struct Replies {
    /// By request id; `None` once the connection is closed.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>,
    last_received: Mutex<Instant>,
}

impl Replies {
    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Reply>>>> {
        self.waiting.lock()
    }

    fn last_received(&self) -> MutexGuard<'_, Instant> {
        self.last_received.lock()
    }

    /// Fails all pending requests: each may or may not have been carried out.
    fn close(&self) {
        // Dropping the senders ends the receivers.
        *self.waiting() = None;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.replies.close();
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Wire {
    pub async fn connect(
        identity: &Identity,
        tls: &Tls,
        transport: &dyn Transport,
        dial: &Dial,
    ) -> Result<Self, CallError> {
        let unreachable = |error: io::Error| CallError::Unreachable(error.to_string());
        let timed_out = |_| CallError::Unreachable(format!("{} does not answer", dial.address));
        let stream = timeout(CONNECT_TIMEOUT, transport.connect(dial.address.clone()))
            .await
            .map_err(timed_out)?
            .map_err(unreachable)?;
        let stream = timeout(HANDSHAKE_TIMEOUT, handshake(identity, tls, dial, stream))
            .await
            .map_err(timed_out)?
            .map_err(unreachable)?
            .map_err(CallError::Refused)?;
        Ok(Self::over(stream))
    }

    fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (read, write) = tokio::io::split(stream);
        let (outbound, requests) = mpsc::channel(MAX_IN_FLIGHT);
        let replies = Arc::new(Replies {
            waiting: Mutex::new(Some(HashMap::new())),
            last_received: Mutex::new(Instant::now()),
        });
        let (for_reader, for_writer) = (replies.clone(), replies.clone());
        let reader = tokio::spawn(async move {
            if let Err(error) = read_replies(read, &for_reader).await {
                tracing::debug!(%error, "link lost");
            }
            for_reader.close();
        });
        let writer = tokio::spawn(async move {
            if let Err(error) = write_requests(write, requests).await {
                tracing::debug!(%error, "link lost");
            }
            for_writer.close();
        });
        Self {
            outbound,
            replies,
            next_id: AtomicU64::new(1),
            tasks: [reader.abort_handle(), writer.abort_handle()],
        }
    }

    pub fn is_closed(&self) -> bool {
        self.replies.waiting().is_none()
    }

    /// Queues a request, in the order of the calls.
    pub fn start(self: &Arc<Self>, body: &[u8]) -> Result<PendingReply, CallError> {
        let closed = || CallError::Unreachable("the connection is closed".into());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        {
            let mut waiting = self.replies.waiting();
            let waiting = waiting.as_mut().ok_or_else(closed)?;
            if waiting.len() >= MAX_IN_FLIGHT {
                return Err(CallError::Busy);
            }
            waiting.insert(id, sender);
        }
        let pending = PendingReply {
            id,
            reply,
            wire: self.clone(),
        };
        let mut frame = Vec::new();
        put(&mut frame, Kind::Request, id, body);
        match self.outbound.try_send(frame) {
            Ok(()) => Ok(pending),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CallError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(closed()),
        }
    }
}

/// A reply that is still to come. When it is dropped the reply is discarded; the request may still
/// be carried out.
pub struct PendingReply {
    id: u64,
    reply: oneshot::Receiver<Reply>,
    wire: Arc<Wire>,
}

impl std::fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PendingReply({})", self.id)
    }
}

impl PendingReply {
    /// Waits for the reply.
    pub async fn until(mut self, deadline: Instant) -> Result<Bytes, CallError> {
        match timeout_at(deadline, &mut self.reply).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(CallError::Lost),
            Err(_) => {
                let silent = self.wire.replies.last_received().elapsed() >= SILENCE_TIMEOUT;
                if silent {
                    self.wire.replies.close();
                }
                Err(CallError::TimedOut)
            }
        }
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        if let Some(waiting) = self.wire.replies.waiting().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

type Tcp = TlsStream<Box<dyn Stream>>;

/// Runs the TLS handshake and the hello. The inner error is a refusal by either side.
async fn handshake(
    identity: &Identity,
    tls: &Tls,
    dial: &Dial,
    stream: Box<dyn Stream>,
) -> io::Result<Result<Tcp, Refusal>> {
    let name = Tls::server_name().map_err(io::Error::other)?;
    let mut stream = TlsConnector::from(tls.client.clone())
        .connect(name, stream)
        .await?;
    let session = Session::of_client(stream.get_ref().1).map_err(io::Error::other)?;
    let hello = Hello::new(identity, dial.purpose, &session, Role::Client);
    let mut out = Vec::new();
    put(&mut out, Kind::Hello, 0, &encode(&hello));
    stream.write_all(&out).await?;
    stream.flush().await?;
    // The server sends nothing after its hello until the first request, so the reader's buffer is
    // empty when it is dropped.
    let answer = match FrameReader::new(&mut stream, MAX_HELLO_BYTES)
        .next()
        .await?
    {
        Some(frame) if frame.kind == Kind::Hello => decode::<Welcome>(&frame.body),
        Some(_) => Err(Refusal::Malformed),
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    let dialed = Dialed {
        node: dial.node,
        key: dial.key,
    };
    Ok(match answer {
        Ok(Welcome::Accepted(theirs)) => theirs
            .check(identity, &session, Role::Server, Some(dialed))
            .map(|()| stream),
        Ok(Welcome::Refused(refusal)) | Err(refusal) => Err(refusal),
    })
}

async fn read_replies(stream: impl AsyncRead + Unpin, replies: &Replies) -> io::Result<()> {
    let mut reader = FrameReader::new(stream, MAX_BODY_BYTES);
    while let Some(frame) = reader.next().await? {
        *replies.last_received() = Instant::now();
        let reply = match frame.kind {
            Kind::Reply => Ok(frame.body),
            Kind::Denied => Err(CallError::Denied(
                String::from_utf8_lossy(&frame.body).into_owned(),
            )),
            Kind::Hello | Kind::Request => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not a reply"));
            }
        };
        let waiting = match replies.waiting().as_mut() {
            Some(waiting) => waiting.remove(&frame.id),
            None => return Ok(()),
        };
        // The caller may have given up.
        if let Some(sender) = waiting {
            let _ = sender.send(reply);
        }
    }
    Ok(())
}

async fn write_requests(
    mut stream: impl AsyncWrite + Unpin,
    mut requests: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let mut out: Vec<u8> = Vec::new();
    while let Some(frame) = requests.recv().await {
        out.extend_from_slice(&frame);
        while out.len() < WRITE_BATCH_BYTES {
            match requests.try_recv() {
                Ok(frame) => out.extend_from_slice(&frame),
                Err(_) => break,
            }
        }
        stream.write_all(&out).await?;
        stream.flush().await?;
        if out.capacity() > 4 * WRITE_BATCH_BYTES {
            out = Vec::new();
        }
        out.clear();
    }
    Ok(())
}
