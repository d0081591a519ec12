//! The floors of a node, and their group commit.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{GrantId, Hash, Millis};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::disk::FloorDisk;
use super::error::{FloorError, OpenError};
use super::frame;
use super::grant_floor::{GrantFloor, Shown};
use super::header::{self, Owner};
use super::kept::Kept;
use crate::store::is_disk_full;

/// Pause after a full disk: the whole file is written anew then.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// The floors of a node. Clones share them.
#[derive(Clone)]
pub struct Floors {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn FloorDisk>,
    state: Mutex<State>,
    written: watch::Sender<Written>,
}

struct State {
    kept: Kept,
    /// A task writes what is pending.
    writing: bool,
    /// The disk was full then, and the file may end in bytes of a record that it has in part.
    full: Option<Instant>,
}

impl State {
    /// Whether it is too early to write after a full disk.
    fn is_full(&self) -> bool {
        self.full.is_some_and(|since| since.elapsed() < FULL_PAUSE)
    }
}

/// Progress on the disk.
#[derive(Debug, Clone, Default)]
struct Written {
    /// Number of the last durable frame.
    durable: u64,
    /// Syncs so far.
    syncs: u64,
    failed: Option<FloorError>,
}

impl Floors {
    /// The floors in a file, which has to be there. What it has is durable when this returns.
    ///
    /// # Errors
    /// When the file is missing, of another node, or damaged: the node must not release by it.
    pub async fn open(disk: Arc<dyn FloorDisk>, owner: Owner) -> Result<Self, OpenError> {
        let bytes = disk.read()?.ok_or(OpenError::Missing)?;
        let scanned = frame::scan(header::check(&bytes, owner)?)?;
        let durable = scanned.batches.last().map_or(0, |last| last.number);
        let mut kept = Kept::of(owner, scanned.batches, bytes.len());
        let durable = if scanned.torn > 0 {
            tracing::warn!(
                bytes = scanned.torn,
                "the floor file ends in an incomplete record, of which nobody was told; it is cut"
            );
            let write = kept.rewritten();
            disk.replace(write.bytes).await?;
            write.number
        } else {
            // The last process may have ended between a write and its sync.
            disk.append(Vec::new()).await?;
            durable
        };
        let written = Written {
            durable,
            ..Written::default()
        };
        Ok(Self {
            shared: Arc::new(Shared {
                disk,
                state: Mutex::new(State {
                    kept,
                    writing: false,
                    full: None,
                }),
                written: watch::Sender::new(written),
            }),
        })
    }

    /// Raises a grant's floor to verified rights. It is durable when this returns.
    ///
    /// # Errors
    /// When the rights lie below the floor, or the disk takes no more.
    pub async fn raise(&self, shown: &Shown) -> Result<(), FloorError> {
        self.record(shown, None).await
    }

    /// Raises a grant's floor, and records the release of a request, debited at log time `at`. Both
    /// are durable when this returns; only then may the part leave. A recorded request may be
    /// released again.
    ///
    /// # Errors
    /// When the rights lie below the floor, when as many requests are recorded as are permitted, or
    /// when the disk takes no more.
    pub async fn release(
        &self,
        shown: &Shown,
        request: Hash,
        at: Millis,
    ) -> Result<(), FloorError> {
        self.record(shown, Some((request, at))).await
    }

    /// A grant's floor, with what is not durable yet.
    #[must_use]
    pub fn get(&self, grant: &GrantId) -> Option<GrantFloor> {
        self.shared.state.lock().kept.get(grant).cloned()
    }

    /// Number of the last durable frame. It never goes back, from start to start.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.shared.written.borrow().durable
    }

    /// Syncs of the file since it was opened.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.shared.written.borrow().syncs
    }

    async fn record(
        &self,
        shown: &Shown,
        release: Option<(Hash, Millis)>,
    ) -> Result<(), FloorError> {
        let mut written = self.shared.written.subscribe();
        let recorded = {
            let mut state = self.shared.state.lock();
            self.shared.check(&state)?;
            let recorded = state.kept.record(shown, release);
            // After a full disk also what earlier callers have not got there.
            let is_due = state.kept.has_pending() || state.full.is_some();
            if is_due && !std::mem::replace(&mut state.writing, true) {
                tokio::spawn(self.shared.clone().write());
            }
            recorded
        };
        let number = recorded?;
        let ended =
            written.wait_for(|written| written.durable >= number || written.failed.is_some());
        let ended = ended
            .await
            .map_err(|_| FloorError::Failed("the node is stopping".to_owned()))?;
        match &ended.failed {
            Some(why) if ended.durable < number => Err(why.clone()),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// Whether a record may be made now. After a full disk it is tried again.
    fn check(&self, state: &State) -> Result<(), FloorError> {
        let failed = self.written.borrow().failed.clone();
        match failed {
            Some(FloorError::DiskFull) if !state.is_full() => {
                self.written.send_modify(|written| written.failed = None);
                Ok(())
            }
            Some(why) => Err(why),
            None => Ok(()),
        }
    }

    /// Writes what is pending, one sync after another, until nothing is.
    async fn write(self: Arc<Self>) {
        loop {
            let write = {
                let mut state = self.state.lock();
                let next = match state.full.take() {
                    Some(_) => Some(state.kept.rewritten()),
                    None => state.kept.next_write(),
                };
                let Some(write) = next else {
                    state.writing = false;
                    return;
                };
                write
            };
            let done = if write.replaces {
                self.disk.replace(write.bytes).await
            } else {
                self.disk.append(write.bytes).await
            };
            match done {
                Ok(()) => self.written.send_modify(|written| {
                    written.durable = write.number;
                    written.syncs += 1;
                }),
                Err(error) => {
                    self.fail(&error);
                    return;
                }
            }
        }
    }
}

impl Shared {
    /// Nothing may be written after bytes that are there in part: after a full disk the next write
    /// replaces the whole file, and after any other failure `writing` stays.
    fn fail(&self, error: &io::Error) {
        tracing::error!(%error, "the floors cannot be written: no part is released");
        let why = match is_disk_full(error) {
            true => FloorError::DiskFull,
            false => FloorError::Failed(error.to_string()),
        };
        let mut state = self.state.lock();
        if why == FloorError::DiskFull {
            state.full = Some(Instant::now());
            state.writing = false;
        }
        self.written
            .send_modify(|written| written.failed = Some(why));
    }
}

impl fmt::Debug for Floors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Floors")
    }
}
