//! What applied entries tell to connected agents: a user's event rows, followed from a token on.
//!
//! Any node serves any user from its own state. The token is the rows' own sequence, so that a
//! stream goes on at another node where it broke off at one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::Event;
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};

use crate::raft::Replica;
use crate::store::Touched;
use cameo_machine::read;

/// A stream with nothing to tell says so this often.
pub const HEARTBEAT: Duration = Duration::from_secs(3);
/// Rows read at a time.
const PAGE: usize = 64;
/// Most streams that one node serves.
const MAX_STREAMS: usize = 10_000;

/// The event streams that this node serves: one a device, a new one takes the old one's place.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<PublicKey, Open>>);

#[derive(Debug)]
struct Open {
    epoch: u64,
    probes: mpsc::Sender<()>,
}

/// This node serves as many streams as it can: ask another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node serves as many event streams as it can: ask another node")]
pub struct TooManyStreams;

impl Streams {
    /// Asks a session for a sign of life. Tells whether its stream is open here.
    #[must_use]
    pub fn probe(&self, device: &PublicKey, epoch: u64) -> bool {
        let open = self.0.lock();
        match open.get(device).filter(|open| open.epoch == epoch) {
            // A full queue has a probe in it already.
            Some(open) => !matches!(
                open.probes.try_send(()),
                Err(mpsc::error::TrySendError::Closed(()))
            ),
            None => false,
        }
    }

    fn open(&self, device: PublicKey, epoch: u64) -> Result<mpsc::Receiver<()>, TooManyStreams> {
        let mut open = self.0.lock();
        if open.len() >= MAX_STREAMS && !open.contains_key(&device) {
            open.retain(|_, other| !other.probes.is_closed());
            if open.len() >= MAX_STREAMS {
                return Err(TooManyStreams);
            }
        }
        let (probes, receiver) = mpsc::channel(1);
        open.insert(device, Open { epoch, probes });
        Ok(receiver)
    }

    fn forget_closed(&self, device: &PublicKey) {
        let mut open = self.0.lock();
        if open.get(device).is_some_and(|open| open.probes.is_closed()) {
            open.remove(device);
        }
    }
}

/// One thing that a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    Event(Event),
    /// Give a sign of life now.
    Probe,
    /// Nothing new.
    Heartbeat,
    /// The last thing told.
    Ended(End),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    SessionEnded,
    NodeStops,
    /// The device opened another stream at this node.
    Replaced,
}

/// Whose stream it is, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub user: UserName,
    pub device: PublicKey,
    pub epoch: u64,
    /// The last sequence that the reader has seen.
    pub after: u64,
}

/// One open stream.
pub struct Follow {
    replica: Arc<dyn Replica>,
    streams: Arc<Streams>,
    reader: Reader,
    ready: VecDeque<StreamItem>,
    ended: bool,
    touched: broadcast::Receiver<Touched>,
    /// None only while the stream is taken down.
    probes: Option<mpsc::Receiver<()>>,
    stopping: watch::Receiver<bool>,
}

impl Follow {
    /// Opens a stream.
    ///
    /// # Errors
    /// When this node serves too many.
    pub fn open(
        replica: Arc<dyn Replica>,
        streams: Arc<Streams>,
        stopping: watch::Receiver<bool>,
        reader: Reader,
    ) -> Result<Self, TooManyStreams> {
        let probes = Some(streams.open(reader.device, reader.epoch)?);
        let touched = replica.touched();
        Ok(Self {
            replica,
            streams,
            reader,
            ready: VecDeque::new(),
            ended: false,
            touched,
            probes,
            stopping,
        })
    }

    /// The next thing to tell; none after the end.
    pub async fn next(&mut self) -> Option<StreamItem> {
        if self.ended {
            return None;
        }
        while self.ready.is_empty() {
            self.look();
            if self.ready.is_empty() {
                let told = self.wait().await;
                self.ready.extend(told);
            }
        }
        let told = self.ready.pop_front()?;
        self.ended = matches!(told, StreamItem::Ended(_));
        Some(told)
    }

    /// Reads what is there by now.
    fn look(&mut self) {
        let Reader {
            user,
            device,
            epoch,
            after,
        } = &mut self.reader;
        let view = self.replica.view();
        let events = read::events_after(&*view, user, *after, PAGE);
        if let Some(last) = events.last() {
            *after = last.sequence;
            self.ready.extend(events.into_iter().map(StreamItem::Event));
            return;
        }
        let runs = read::session(&*view, device)
            .is_some_and(|session| session.online && session.epoch == *epoch);
        if !runs {
            self.ready.push_back(StreamItem::Ended(End::SessionEnded));
        }
    }

    /// Waits for something to happen; none when it is time to look at the rows again.
    async fn wait(&mut self) -> Option<StreamItem> {
        let (probes, touched, stopping) =
            (self.probes.as_mut()?, &mut self.touched, &mut self.stopping);
        tokio::select! {
            () = woken(touched, &self.reader.user) => None,
            probe = probes.recv() => Some(match probe {
                Some(()) => StreamItem::Probe,
                None => StreamItem::Ended(End::Replaced),
            }),
            _ = stopping.wait_for(|stopping| *stopping) => Some(StreamItem::Ended(End::NodeStops)),
            () = tokio::time::sleep(HEARTBEAT) => Some(StreamItem::Heartbeat),
        }
    }
}

/// Waits until the user's rows may have changed.
async fn woken(touched: &mut broadcast::Receiver<Touched>, user: &UserName) {
    loop {
        match touched.recv().await {
            Ok(Touched::Users { names, .. }) if !names.iter().any(|name| name == user.as_str()) => {
            }
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The store has closed; the node's stop ends the stream.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.probes = None;
        self.streams.forget_closed(&self.reader.device);
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Follow of {} after {}",
            self.reader.user, self.reader.after
        )
    }
}
