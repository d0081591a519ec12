//! Reading the state: cheap handles, consistent views, and word of what was applied.

pub(super) mod digest;
pub(super) mod drain;
pub(super) mod generation;
pub(super) mod overlay;

use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;

use super::meta::Applied;
use super::open::Options;
use super::wal::Wal;
use crate::consensus_types::aliases::position;
use cameo_machine::{Rows, View};
use drain::DrainSignal;
use generation::Generation;

/// Entries whose touched users a slow subscriber may be behind; then it looks at the rows again.
const TOUCHED_BACKLOG: usize = 1024;
/// Rows read at a time by whoever walks the whole state.
const WALK_ROWS: usize = 512;

/// What event streams wake up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// The event rows of these users changed at or before this index.
    Users { index: u64, names: Vec<String> },
    /// The whole state was replaced by a snapshot up to this index.
    Everything { index: u64 },
}

/// The index was not applied before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {wanted} is not applied here yet (last: {applied:?}): ask again or ask another node"
)]
pub struct NotApplied {
    pub wanted: u64,
    pub applied: Option<u64>,
}

/// Law D3: nodes with equal `applied` have an equal `hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHash {
    /// `(term, index)` of the last applied entry.
    pub applied: Option<(u64, u64)>,
    /// BLAKE3 over all rows of the machine in key order.
    pub hash: [u8; 32],
}

/// The walk over the state would have held up the write-behind for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state changes too fast to read all of it at once: try again later")]
pub struct HashGivenUp;

/// A handle on the state of this node. Clones share it.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    current: RwLock<Arc<Generation>>,
    applied: watch::Sender<Option<(u64, u64)>>,
    touched: broadcast::Sender<Touched>,
    pub wal: Wal,
    pub drain: DrainSignal,
    /// Told whenever the overlay has shrunk.
    pub drained: Notify,
    failure: Mutex<Option<String>>,
    pub options: Options,
}

impl State {
    pub(super) fn new(generation: Generation, wal: Wal, options: Options) -> Self {
        let applied = generation.applied().log_id.as_ref().map(position);
        let shared = Shared {
            current: RwLock::new(Arc::new(generation)),
            applied: watch::Sender::new(applied),
            touched: broadcast::Sender::new(TOUCHED_BACKLOG),
            wal,
            drain: DrainSignal::default(),
            drained: Notify::new(),
            failure: Mutex::new(None),
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The state as it is now, unchanged for as long as the view lives. Keep it short: a view that
    /// is held stops the write-behind, and in the end every write.
    pub fn view(&self) -> StateView {
        let generation = self.shared.generation();
        let applied = generation.enter();
        StateView {
            generation,
            applied,
        }
    }

    /// `(term, index)` of the last applied entry.
    pub fn applied(&self) -> Option<(u64, u64)> {
        *self.shared.applied.borrow()
    }

    /// Follows `applied`; told once per batch of entries.
    pub fn watch_applied(&self) -> watch::Receiver<Option<(u64, u64)>> {
        self.shared.applied.subscribe()
    }

    /// Returns once the entry at `index` and all before it are in every new view.
    pub async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), NotApplied> {
        let mut applied = self.watch_applied();
        let reached = applied.wait_for(|at| at.is_some_and(|(_, at)| at >= index));
        match tokio::time::timeout_at(deadline, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(NotApplied {
                wanted: index,
                applied: self.applied().map(|(_, at)| at),
            }),
        }
    }

    /// Word of users whose event rows changed. A receiver that lags has to look at the rows again.
    pub fn touched(&self) -> broadcast::Receiver<Touched> {
        self.shared.touched.subscribe()
    }

    /// Hash over the whole state. Blocking, and it reads every row.
    pub fn hash(&self) -> Result<StateHash, HashGivenUp> {
        let view = self.view();
        let mut hasher = blake3::Hasher::new();
        view.walk(|rows| {
            for (key, value) in rows {
                hasher.update(&(key.len() as u64).to_le_bytes());
                hasher.update(key);
                hasher.update(&(value.len() as u64).to_le_bytes());
                hasher.update(value);
            }
            match view.generation.overlay_bytes() > self.shared.options.walk_overlay_bytes {
                true => Err(HashGivenUp),
                false => Ok(()),
            }
        })?;
        Ok(StateHash {
            applied: view.applied(),
            hash: *hasher.finalize().as_bytes(),
        })
    }

    /// Why the state takes no more entries, once that is so: the node should stop.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure()
    }
}

impl Shared {
    pub fn generation(&self) -> Arc<Generation> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Puts an installed snapshot in place of the whole state.
    pub fn replace(&self, generation: Generation) {
        let applied = generation.applied();
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(generation);
        }
        self.announce(&applied);
        if let Some(index) = applied.index() {
            self.tell(Touched::Everything { index });
        }
        self.drained.notify_waiters();
    }

    pub fn announce(&self, applied: &Applied) {
        self.applied
            .send_replace(applied.log_id.as_ref().map(position));
    }

    pub fn tell(&self, touched: Touched) {
        // Nobody listening is fine: the rows are what counts.
        drop(self.touched.send(touched));
    }

    pub fn fail(&self, why: String) {
        tracing::error!(why, "the state takes no more entries");
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.drained.notify_waiters();
    }

    pub fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The state as of one applied entry.
#[derive(Debug)]
pub struct StateView {
    pub(super) generation: Arc<Generation>,
    pub(super) applied: Arc<Applied>,
}

impl StateView {
    /// `(term, index)` of the last entry that this view has seen.
    pub fn applied(&self) -> Option<(u64, u64)> {
        self.applied.log_id.as_ref().map(position)
    }

    /// Hands all rows to `visit`, in key order and in pieces.
    pub(super) fn walk<E>(&self, mut visit: impl FnMut(&Rows) -> Result<(), E>) -> Result<(), E> {
        let version = self.applied.version();
        let mut last: Option<Vec<u8>> = None;
        loop {
            let start = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let rows = self.generation.scan(version, &[], start, WALK_ROWS);
            visit(&rows)?;
            match rows.last() {
                Some((key, _)) if rows.len() == WALK_ROWS => last = Some(key.clone()),
                _ => return Ok(()),
            }
        }
    }
}

impl View for StateView {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.generation.get(self.applied.version(), key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        scan_from(
            &self.generation,
            self.applied.version(),
            prefix,
            from,
            limit,
        )
    }
}

impl Drop for StateView {
    fn drop(&mut self) {
        self.generation.leave(self.applied.version());
    }
}

/// What the machine sees while it decides: everything, also what is not published yet.
pub(super) struct LatestView<'a>(pub &'a Generation);

impl View for LatestView<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(u64::MAX, key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        scan_from(self.0, u64::MAX, prefix, from, limit)
    }
}

fn scan_from(
    generation: &Generation,
    version: u64,
    prefix: &[u8],
    from: &[u8],
    limit: usize,
) -> Rows {
    let start = if from > prefix { from } else { prefix };
    generation.scan(version, prefix, Bound::Included(start), limit)
}
