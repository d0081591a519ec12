//! The agent's end of the control socket.

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

use super::{ControlAction, ControlReply, ControlRequest, NotConnected, SocketPath, VERSION};
use crate::flows::notices::Notices;
use crate::peer::transport::{CONNECT_DEADLINE, Reader, Refusal, Writer};
use crate::peer::{ConnectError, PeerTransport};
use crate::vault::Home;
use crate::viewer::HostedPages;

/// Commands that are served concurrently.
const MAX_COMMANDS: usize = 64;
/// Bound on the wait for a command's request, and the pause after a failed accept.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that are relayed at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// The parts of the agent that commands reach over the socket.
#[derive(Debug, Clone)]
pub struct ControlDeps {
    pub transport: Arc<dyn PeerTransport>,
    pub notices: Notices,
    /// Notified when a command has left work for the agent.
    pub wake: Arc<Notify>,
    /// The opened photos that are served.
    pub pages: HostedPages,
}

/// The control socket of a running agent, removed when dropped.
#[derive(Debug)]
pub struct ControlServer {
    listener: UnixListener,
    socket: SocketPath,
}

impl ControlServer {
    /// Creates the socket. The caller holds the home's agent lock, so an existing socket is a
    /// leftover of an agent that has stopped, and is replaced.
    ///
    /// # Errors
    /// When the socket cannot be created.
    pub fn bind(home: &Home) -> io::Result<Self> {
        let socket = SocketPath::of(home)?;
        match std::fs::remove_file(&socket.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket.path)?;
        std::fs::set_permissions(&socket.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, socket })
    }

    /// Serves commands until dropped.
    pub async fn serve(self, deps: ControlDeps) {
        let slots = Arc::new(Semaphore::new(MAX_COMMANDS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let deps = deps.clone();
                    tokio::spawn(async move {
                        if let Err(error) = serve_connection(stream, deps).await {
                            tracing::debug!(%error, "a command disconnected");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket does not accept");
                    tokio::time::sleep(REQUEST_TIMEOUT).await;
                }
            }
        }
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket.path);
    }
}

async fn serve_connection(mut stream: UnixStream, deps: ControlDeps) -> io::Result<()> {
    let request: ControlRequest = timeout(REQUEST_TIMEOUT, super::read(&mut stream)).await??;
    if request.version != VERSION {
        return super::write(
            &mut stream,
            &ControlReply::UnknownVersion { known: VERSION },
        )
        .await;
    }
    match request.action {
        ControlAction::Ping => super::write(&mut stream, &ControlReply::Pong).await,
        ControlAction::Wake => {
            deps.wake.notify_one();
            super::write(&mut stream, &ControlReply::Woken).await
        }
        ControlAction::Follow => follow(stream, &deps.notices).await,
        ControlAction::Show {
            about,
            media_type,
            length,
        } => super::page::host(stream, &deps.pages, about, &media_type, length).await,
        ControlAction::Connect { peer, deadline_ms } => {
            let deadline = Duration::from_millis(deadline_ms).min(CONNECT_DEADLINE);
            match deps.transport.connect(&peer, deadline).await {
                Ok(exchange) => {
                    super::write(&mut stream, &ControlReply::Connected).await?;
                    relay(stream, exchange.reader, exchange.writer).await
                }
                Err(error) => super::write(&mut stream, &not_connected(&error)).await,
            }
        }
    }
}

fn not_connected(error: &ConnectError) -> ControlReply {
    let why = match error {
        ConnectError::Unreachable(_) => NotConnected::Unreachable,
        ConnectError::WrongIdentity => NotConnected::WrongIdentity,
        ConnectError::OtherVersion => NotConnected::OtherVersion,
        ConnectError::InvalidKey => NotConnected::InvalidKey,
        ConnectError::OwnAddress => NotConnected::OwnAddress,
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
    let (mut from_command, mut to_command) = stream.into_split();
    let mut byte = [0; 1];
    loop {
        tokio::select! {
            // The command sends nothing more: a read ends when it disconnects.
            _ = from_command.read(&mut byte) => return Ok(()),
            notice = notices.recv() => match notice {
                Ok(notice) => super::write(&mut to_command, &notice).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// Relays one exchange until the peer's answer ends or either side disconnects.
async fn relay(stream: UnixStream, reader: Reader, writer: Writer) -> io::Result<()> {
    let (from_command, to_command) = stream.into_split();
    let up = relay_to_peer(from_command, writer);
    let down = relay_to_command(reader, to_command);
    both(up, down).await
}

/// Runs both directions until the answer ends, which may be before the request is sent completely.
/// The peer's writer is kept open until then.
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
            sent = &mut up, if kept.is_none() => kept = Some(sent?),
        }
    }
}

async fn relay_to_peer(mut command: OwnedReadHalf, mut peer: Writer) -> io::Result<Writer> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = command.read(&mut buffer).await?;
        if count == 0 {
            peer.shutdown().await?;
            return Ok(peer);
        }
        peer.write_all(&buffer[..count]).await?;
    }
}

/// Frames: u32 length and bytes; 0 for the end; `REFUSED` and a code when the peer refused.
async fn relay_to_command(mut peer: Reader, mut command: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match peer.read(&mut buffer).await {
            Ok(0) => {
                command.write_all(&0u32.to_le_bytes()).await?;
                return command.shutdown().await;
            }
            Ok(count) => {
                let length = u32::try_from(count).map_err(io::Error::other)?;
                command.write_all(&length.to_le_bytes()).await?;
                command.write_all(&buffer[..count]).await?;
            }
            Err(error) => {
                if let Some(refusal) = Refusal::of(&error) {
                    command
                        .write_all(&super::client::REFUSED.to_le_bytes())
                        .await?;
                    command.write_all(&refusal.code().to_le_bytes()).await?;
                    command.shutdown().await?;
                }
                return Err(error);
            }
        }
    }
}
