//! Access to the state: handles, consistent views, and notifications of changes.
//!
//! A [`State`] is the handle; `shared` is what its clones and the background tasks share. The rows
//! are in a `generation`: a sled `database` with a `digest` of its rows, and an `overlay` of newer
//! changes in memory. A `view` reads both at one version. The `drain` writes the overlay back to
//! sled in the background, in `steps`, woken by the `drain_signal`. `hash` is the digest of both.

pub(super) mod database;
pub(super) mod digest;
pub(super) mod drain;
mod drain_signal;
pub(super) mod generation;
mod hash;
mod kept;
mod overlay;
mod resident;
mod row;
mod row_cache;
mod scan;
mod shared;
mod steps;
mod view;
mod walk;
mod write_back;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::options::Options;
use super::subscriptions::Subscriptions;
use super::wal::Wal;
use crate::host::disk_space::DiskSpace;
use generation::Generation;

pub use hash::StateHash;
pub(super) use shared::Shared;
pub(super) use view::LatestView;
pub use view::StoreView;
pub(super) use walk::Walk;

/// The index was not applied before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {wanted} is not applied here yet ({}): try again or ask another node",
    applied.map_or("none is".to_owned(), |last| format!("the last is {last}"))
)]
pub struct NotApplied {
    pub wanted: u64,
    pub applied: Option<u64>,
}

/// A handle of this node's state. Clones share it.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) shared: Arc<Shared>,
}

impl State {
    pub(super) fn new(
        generation: Generation,
        wal: Wal,
        space: Arc<DiskSpace>,
        options: Options,
    ) -> Self {
        Self {
            shared: Arc::new(Shared::new(generation, wal, space, options)),
        }
    }

    /// The current state, which does not change while the view lives. Keep it short: a view that is
    /// held pauses the write-behind, and eventually all writes.
    pub fn view(&self) -> StoreView {
        let generation = self.shared.generation();
        let applied = generation.enter();
        StoreView {
            generation,
            applied,
        }
    }

    /// `(term, index)` of the last applied entry.
    pub fn applied(&self) -> Option<(u64, u64)> {
        *self.shared.applied.borrow()
    }

    /// The last applied entry, and its changes, once per batch of entries.
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

    /// Those who are told of changes, once these are in every new view.
    pub fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.shared.subscriptions
    }

    /// The failure after which the state accepts no more entries, if any. The node should stop
    /// then.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure()
    }
}
