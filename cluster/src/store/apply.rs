//! openraft's state machine: applies committed entries to the overlay and returns the replies.

use std::io;
use std::sync::Arc;

use futures_util::{FutureExt, Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};

use super::failure::StopOnPanic;
use super::layout::DataDirectory;
use super::machine::Machine;
use super::snapshot::Snapshot;
use super::snapshot::{self, SnapshotFile, Snapshots};
use super::state::{LatestView, State};
use super::subscriptions::Touched;
use crate::consensus_types::aliases::{LogId, SnapshotMeta, StoredMembership};
use crate::consensus_types::{EntryBytes, ReplyBytes, TypeConfig};

/// Most entries that become visible together.
const BATCH_ENTRIES: usize = 64;

/// The state machine that openraft runs.
pub struct StateMachine {
    pub(super) machine: Arc<dyn Machine>,
    pub(super) state: State,
    pub(super) snapshots: Snapshots,
    pub(super) directory: Arc<DataDirectory>,
}

impl std::fmt::Debug for StateMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateMachine")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Drop for StateMachine {
    /// A snapshot that is being written would hold up the stop of the node.
    fn drop(&mut self) {
        self.state.shared.stop_walks();
    }
}

impl StateMachine {
    /// Waits while the overlay is full; an error after the state has failed. Nothing shrinks it
    /// while the disk is low: it may grow further then, so that the node does not stand behind its
    /// own log.
    async fn wait_for_room(&self) -> io::Result<()> {
        let shared = &self.state.shared;
        loop {
            let shrunk = shared.overlay_shrunk.notified();
            if let Some(why) = shared.failure() {
                return Err(io::Error::other(why));
            }
            let is_low = shared.space.is_low();
            let limit = match is_low {
                true => shared.options.overlay_bytes_when_low,
                false => shared.options.overlay_bytes,
            };
            if shared.generation().overlay_bytes() < limit {
                return Ok(());
            }
            shared.drain_signal.request();
            let changed = async {
                match is_low {
                    true => shared.space.has_room().await,
                    false => shared.space.runs_low().await,
                }
            };
            tokio::select! {
                () = shrunk => {}
                () = changed => {}
            }
        }
    }

    fn ends_at_fixed_index(&self, batch: &[EntryResponder<TypeConfig>]) -> bool {
        let last = batch.last().map(|(entry, _)| entry.log_id.index());
        last.is_some_and(|index| self.snapshots.checkpoints().is_fixed(index))
    }

    /// An entry of a later build is not refused, for its nodes carry it out: this node stops before
    /// it.
    fn check(&self, index: u64, entry: &[u8]) -> io::Result<()> {
        let checked = self.machine.check(entry);
        checked.map_err(|why| io::Error::other(format!("entry {index} is not applied: {why}")))
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        // openraft would lose the task and leave every proposer waiting.
        let _guard = StopOnPanic("a committed entry could not be applied");
        let shared = &self.state.shared;
        let _timed = shared.options.latencies.time_batch(batch.len());
        self.machine.prepare(&proposals(&batch));
        let generation = shared.generation();
        let mut applied = (*generation.applied()).clone();
        let mut touched = Touched::default();
        let mut replies = Vec::with_capacity(batch.len());
        for (entry, responder) in batch {
            if Some(&entry.log_id) <= applied.log_id.as_ref() {
                return Err(io::Error::other(format!(
                    "entry {} was delivered after entry {} had been applied",
                    entry.log_id.index(),
                    applied.log_id.map_or(0, |last| last.index())
                )));
            }
            let index = entry.log_id.index();
            applied.log_id = Some(entry.log_id);
            let reply = match entry.payload {
                EntryPayload::Blank => Vec::new(),
                EntryPayload::Membership(membership) => {
                    applied.membership = StoredMembership::new(applied.log_id, membership);
                    Vec::new()
                }
                EntryPayload::Normal(EntryBytes(bytes)) => {
                    self.check(index, &bytes)?;
                    let decided = self.machine.decide(&LatestView(&generation), index, &bytes);
                    generation.insert(index + 1, decided.changes);
                    touched.add(decided.touched);
                    decided.reply
                }
            };
            if let Some(responder) = responder {
                replies.push((responder, reply));
            }
        }
        generation.publish(applied.clone());
        shared.announce(&applied);
        shared.subscriptions.tell(touched);
        for (responder, reply) in replies {
            responder.send(ReplyBytes(reply));
        }
        Ok(())
    }
}

/// The entries of a batch that the machine decides.
pub(crate) fn proposals(batch: &[EntryResponder<TypeConfig>]) -> Vec<&[u8]> {
    let entries = batch.iter().map(|(entry, _)| &entry.payload);
    let proposals = entries.filter_map(|payload| match payload {
        EntryPayload::Normal(EntryBytes(bytes)) => Some(bytes.as_slice()),
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    });
    proposals.collect()
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let applied = self.state.shared.generation().applied();
        Ok((applied.log_id, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut entries = entries.fuse();
        while let Some(first) = entries.next().await {
            self.wait_for_room().await?;
            let mut batch = vec![first?];
            while batch.len() < BATCH_ENTRIES
                && !self.ends_at_fixed_index(&batch)
                && let Some(Some(next)) = entries.next().now_or_never()
            {
                batch.push(next?);
            }
            let capture = self.ends_at_fixed_index(&batch);
            self.apply_batch(batch)?;
            if capture {
                snapshot::capture(&self.state, &self.snapshots);
            }
        }
        Ok(())
    }

    /// Without force there is a snapshot only when the newest one is certified: only behind such a
    /// one the log is purged.
    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<SnapshotBuilder> {
        if force {
            return Some(self.get_snapshot_builder().await);
        }
        let certified = self.snapshots.current()?;
        let certified = certified.snapshot.is_certified().then_some(certified)?;
        Some(SnapshotBuilder::Certified(certified))
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder::Local {
            state: self.state.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        file: SnapshotFile,
    ) -> Result<(), io::Error> {
        loop {
            let (state, snapshots) = (self.state.clone(), self.snapshots.clone());
            let directory = Arc::clone(&self.directory);
            let (meta, file) = (meta.clone(), file.clone());
            let install = move || snapshot::install(&state, &snapshots, &directory, &meta, file);
            let installed = tokio::task::spawn_blocking(install).await;
            match installed.map_err(io::Error::other)? {
                // To openraft an error is the end of the node.
                Err(error) if error.is_disk_full() => tracing::error!(
                    %error,
                    "no room to install the snapshot that another node has sent: free space on \
                     the disk of the data folder. It is tried again"
                ),
                installed => return installed.map_err(io::Error::other),
            }
            tokio::time::sleep(self.state.shared.options.snapshot_retry).await;
        }
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self.snapshots.current())
    }
}

/// What openraft calls the building of a snapshot.
#[derive(Debug)]
pub enum SnapshotBuilder {
    /// It was captured at a fixed index, and is certified.
    Certified(Snapshot),
    /// Writes a snapshot file of the state, for this node alone, concurrently with other work.
    Local { state: State, snapshots: Snapshots },
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = SnapshotFile;

    /// A failure, such as a full disk or no free file descriptor, is no error: to openraft that is
    /// the end of the node, of all nodes where all run into it at the same index. The previous
    /// snapshot stays the current one and the log grows. The next build comes after a pause, in
    /// which openraft begins no other.
    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        match self {
            Self::Certified(snapshot) => Ok(snapshot.clone()),
            Self::Local { state, snapshots } => build_locally(state, snapshots).await,
        }
    }
}

async fn build_locally(state: &State, snapshots: &Snapshots) -> Result<Snapshot, io::Error> {
    loop {
        let (at, to) = (state.clone(), snapshots.clone());
        let built = tokio::task::spawn_blocking(move || snapshot::build(&at, &to)).await;
        match built.map_err(io::Error::other)? {
            Ok(snapshot) => return Ok(snapshot),
            Err(error) => tracing::error!(%error, "snapshot failed: it is tried again later"),
        }
        tokio::time::sleep(state.shared.options.snapshot_retry).await;
        if let Some(previous) = snapshots.current() {
            return Ok(previous);
        }
    }
}
