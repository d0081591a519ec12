//! The floors of a node, and their group commit.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::{GrantId, Hash, Millis};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::disk::FloorDisk;
use super::error::{FloorError, OpenError};
use super::frame;
use super::grant_floor::{GrantFloor, Shown};
use super::header::{self, Owner};
use super::kept::Kept;

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
}

/// Progress on the disk.
#[derive(Debug, Clone, Default)]
struct Written {
    /// Number of the last durable frame.
    durable: u64,
    /// Syncs so far.
    syncs: u64,
    failed: Option<String>,
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
        if let Some(why) = &written.borrow().failed {
            return Err(FloorError::Failed(why.clone()));
        }
        let recorded = {
            let mut state = self.shared.state.lock();
            let recorded = state.kept.record(shown, release);
            if state.kept.has_pending() && !std::mem::replace(&mut state.writing, true) {
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
            None => Ok(()),
            Some(why) => Err(FloorError::Failed(why.clone())),
        }
    }
}

impl Shared {
    /// Writes what is pending, one sync after another, until nothing is.
    async fn write(self: Arc<Self>) {
        loop {
            let write = {
                let mut state = self.state.lock();
                let Some(write) = state.kept.next_write() else {
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
                // `writing` stays: nothing may be written after bytes that are there in part.
                Err(error) => {
                    tracing::error!(%error, "the floors cannot be written: no part is released");
                    self.written
                        .send_modify(|written| written.failed = Some(error.to_string()));
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Floors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Floors")
    }
}
