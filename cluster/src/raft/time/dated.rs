//! A state machine that tells the time of what it applies.
//!
//! The state itself has the time of the last entry that has changed something. A node that lacks
//! entries takes also those that have changed nothing, and has to be told how late they are.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft::OptionalSend;
use openraft::entry::EntryPayload;
use openraft::storage::{EntryResponder, RaftLogReader, RaftLogStorage, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;

use super::entry_time::EntryTimes;
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::{Entry, LogId, SnapshotMeta, StoredMembership};
use crate::raft::ports::{AppliedTime, Stamp};

/// A state machine, and where the times of its entries go.
pub(crate) struct Dated<SM> {
    inner: SM,
    times: Arc<EntryTimes>,
    stamp: Arc<dyn Stamp>,
    /// The time in the state.
    of_state: AppliedTime,
}

impl<SM: RaftStateMachine<TypeConfig>> Dated<SM> {
    /// Reads the times of what was applied before: in the state, and in what the log still has.
    pub async fn over<L: RaftLogStorage<TypeConfig>>(
        inner: SM,
        log: &mut L,
        times: Arc<EntryTimes>,
        stamp: Arc<dyn Stamp>,
        of_state: AppliedTime,
    ) -> io::Result<Self> {
        let mut dated = Self {
            inner,
            times,
            stamp,
            of_state,
        };
        dated.times.note_applied((dated.of_state)());
        let (applied, _) = dated.inner.applied_state().await?;
        dated.read_log(log, applied).await?;
        Ok(dated)
    }

    async fn read_log<L: RaftLogStorage<TypeConfig>>(
        &mut self,
        log: &mut L,
        applied: Option<LogId>,
    ) -> io::Result<()> {
        let state = log.get_log_state().await?;
        let after = |id: Option<LogId>| id.map_or(0, |id| id.index() + 1);
        let (mut next, end) = (after(state.last_purged_log_id), after(applied));
        let end = end.min(after(state.last_log_id));
        let mut reader = log.get_log_reader().await;
        while next < end {
            let entries = reader.limited_get_log_entries(next, end).await?;
            let Some(last) = entries.last() else {
                return Err(missing(next..end));
            };
            next = last.log_id.index() + 1;
            entries.iter().for_each(|entry| self.note(entry));
        }
        Ok(())
    }
}

fn missing(range: Range<u64>) -> io::Error {
    io::Error::other(format!(
        "the log has no entries {range:?} that were applied"
    ))
}

impl<SM> Dated<SM> {
    fn note(&self, entry: &Entry) {
        note(&self.times, &*self.stamp, entry);
    }
}

fn note(times: &EntryTimes, stamp: &dyn Stamp, entry: &Entry) {
    if let EntryPayload::Normal(bytes) = &entry.payload
        && let Some(time) = stamp.time_of(&bytes.0)
    {
        times.note_applied(time);
    }
}

impl<SM: RaftStateMachine<TypeConfig>> RaftStateMachine<TypeConfig> for Dated<SM> {
    type SnapshotData = SM::SnapshotData;
    type SnapshotBuilder = SM::SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        self.inner.applied_state().await
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let (times, stamp) = (self.times.clone(), self.stamp.clone());
        // They are committed, so that it is no matter that they are applied some moments later.
        let entries = entries.inspect(move |applied| {
            if let Ok((entry, _)) = applied {
                note(&times, &*stamp, entry);
            }
        });
        self.inner.apply(entries).await
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<SM::SnapshotBuilder> {
        self.inner.try_create_snapshot_builder(force).await
    }

    async fn get_snapshot_builder(&mut self) -> SM::SnapshotBuilder {
        self.inner.get_snapshot_builder().await
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SM::SnapshotData,
    ) -> Result<(), io::Error> {
        self.inner.install_snapshot(meta, snapshot).await?;
        self.times.note_applied((self.of_state)());
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, SM::SnapshotData>>, io::Error> {
        self.inner.get_current_snapshot().await
    }
}
