//! The agent's end of the socket.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::time::timeout;

use super::{ControlReply, ControlRequest, NotConnected, Place, VERSION, Want};
use crate::flows::notices::Notices;
use crate::peer::transport::{CONNECT_DEADLINE, Reader, Refusal, Writer};
use crate::peer::{ConnectError, PeerTransport};
use crate::vault::Home;

/// Verbs that are served at the same time.
const VERBS: usize = 64;
/// A verb has so long to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes passed on at a time.
const STEP: usize = 64 * 1024;

/// What the socket opens to verbs.
#[derive(Debug, Clone)]
pub struct Doors {
    pub transport: Arc<dyn PeerTransport>,
    pub notices: Notices,
    /// Notified when a verb has left something to do.
    pub wake: Arc<Notify>,
}

/// The socket of a running agent; gone when dropped.
#[derive(Debug)]
pub struct ControlServer {
    listener: UnixListener,
    place: Place,
}

impl ControlServer {
    /// Takes the socket's place. Whoever calls this holds the home's agent lock, so what lies there
    /// is of an agent that has gone.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(home: &Home) -> io::Result<Self> {
        let place = Place::of(home)?;
        match std::fs::remove_file(&place.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&place.path)?;
        std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, place })
    }

    /// Serves verbs until dropped.
    pub async fn serve(self, doors: Doors) {
        let places = Arc::new(Semaphore::new(VERBS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let doors = doors.clone();
                    tokio::spawn(async move {
                        if let Err(error) = serve_one(stream, doors).await {
                            tracing::debug!(%error, "a verb went away");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket fails");
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.place.path);
    }
}

async fn serve_one(mut stream: UnixStream, doors: Doors) -> io::Result<()> {
    let request: ControlRequest = timeout(PATIENCE, super::read(&mut stream)).await??;
    if request.version != VERSION {
        return super::write(
            &mut stream,
            &ControlReply::UnknownVersion { known: VERSION },
        )
        .await;
    }
    match request.want {
        Want::Ping => super::write(&mut stream, &ControlReply::Pong).await,
        Want::Wake => {
            doors.wake.notify_one();
            super::write(&mut stream, &ControlReply::Woken).await
        }
        Want::Follow => follow(stream, &doors.notices).await,
        Want::Connect { peer, deadline_ms } => {
            let deadline = Duration::from_millis(deadline_ms).min(CONNECT_DEADLINE);
            match doors.transport.connect(&peer, deadline).await {
                Ok(exchange) => {
                    super::write(&mut stream, &ControlReply::Connected).await?;
                    carry(stream, exchange.reader, exchange.writer).await
                }
                Err(error) => super::write(&mut stream, &told(&error)).await,
            }
        }
    }
}

fn told(error: &ConnectError) -> ControlReply {
    let why = match error {
        ConnectError::Unreachable(_) => NotConnected::Unreachable,
        ConnectError::WrongIdentity => NotConnected::WrongIdentity,
        ConnectError::OtherVersion => NotConnected::OtherVersion,
        ConnectError::InvalidKey => NotConnected::InvalidKey,
        ConnectError::Ourselves => NotConnected::Ourselves,
    };
    let text = match error {
        ConnectError::Unreachable(text) => text.clone(),
        _ => String::new(),
    };
    ControlReply::NotConnected { why, text }
}

async fn follow(mut stream: UnixStream, notices: &Notices) -> io::Result<()> {
    let mut notices = notices.listen();
    super::write(&mut stream, &ControlReply::Following).await?;
    let (mut gone, mut stream) = stream.into_split();
    let mut byte = [0; 1];
    loop {
        tokio::select! {
            _ = gone.read(&mut byte) => return Ok(()),
            notice = notices.recv() => match notice {
                Ok(notice) => super::write(&mut stream, &notice).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// Passes one exchange on, until the peer has said all or either side has gone.
async fn carry(stream: UnixStream, reader: Reader, writer: Writer) -> io::Result<()> {
    let (from_verb, to_verb) = stream.into_split();
    let up = up(from_verb, writer);
    let down = down(reader, to_verb);
    both(up, down).await
}

/// The answer may come before all was said; nothing may come after the answer.
async fn both(
    up: impl Future<Output = io::Result<Writer>>,
    down: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let mut up = std::pin::pin!(up);
    let mut down = std::pin::pin!(down);
    let mut kept = None;
    loop {
        tokio::select! {
            biased;
            done = &mut down => return done,
            said = &mut up, if kept.is_none() => kept = Some(said?),
        }
    }
}

async fn up(mut verb: OwnedReadHalf, mut peer: Writer) -> io::Result<Writer> {
    let mut buffer = vec![0; STEP];
    loop {
        let count = verb.read(&mut buffer).await?;
        if count == 0 {
            peer.shutdown().await?;
            return Ok(peer);
        }
        peer.write_all(&buffer[..count]).await?;
    }
}

/// Frames: u32 length and bytes; 0 for the end; `REFUSED` and a code when the peer refused.
async fn down(mut peer: Reader, mut verb: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; STEP];
    loop {
        match peer.read(&mut buffer).await {
            Ok(0) => {
                verb.write_all(&0u32.to_le_bytes()).await?;
                return verb.shutdown().await;
            }
            Ok(count) => {
                let length = u32::try_from(count).map_err(io::Error::other)?;
                verb.write_all(&length.to_le_bytes()).await?;
                verb.write_all(&buffer[..count]).await?;
            }
            Err(error) => {
                if let Some(refusal) = Refusal::of(&error) {
                    verb.write_all(&super::client::REFUSED.to_le_bytes())
                        .await?;
                    verb.write_all(&refusal.code().to_le_bytes()).await?;
                    verb.shutdown().await?;
                }
                return Err(error);
            }
        }
    }
}
