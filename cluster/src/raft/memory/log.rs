//! The log of a `MemoryDisk`.

use std::fmt::{self, Debug};
use std::io;
use std::ops::RangeBounds;

use cameo_mutant::{Mutant, is_planted};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::alias::{EntryOf, LogIdOf, VoteOf};

use super::platter::LogWrite;
use super::sync::{Syncer, Waiter};
use crate::consensus_types::TypeConfig;

/// The log of one process.
#[derive(Clone)]
pub struct MemoryLog(pub(super) Syncer);

impl Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryLog")
    }
}

impl RaftLogReader<TypeConfig> for MemoryLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<EntryOf<TypeConfig>>, io::Error> {
        let log = &self.0.platter.lock().log;
        Ok(log.entries.range(range).map(|(_, e)| e.clone()).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<TypeConfig>>, io::Error> {
        Ok(self.0.platter.lock().log.vote)
    }
}

impl RaftLogStorage<TypeConfig> for MemoryLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = &self.0.platter.lock().log;
        Ok(LogState {
            last_purged_log_id: log.purged,
            last_log_id: log.last(),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<TypeConfig>) -> Result<(), io::Error> {
        if is_planted(Mutant::VoteNotPersisted) {
            return Ok(());
        }
        self.0.write_durably(LogWrite::Vote(*vote)).await
    }

    /// Durable after the next sync. If it is lost, fewer entries are applied at start.
    async fn save_committed(
        &mut self,
        committed: Option<LogIdOf<TypeConfig>>,
    ) -> Result<(), io::Error> {
        let write = LogWrite::Committed(committed);
        self.0.write(write, Waiter::Nobody)
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<TypeConfig>>, io::Error> {
        let log = &self.0.platter.lock().log;
        // A committed entry that was not synced may be lost, unlike the word of it.
        Ok(log.committed.min(log.last()))
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().collect();
        let write = LogWrite::Append(entries);
        self.0.write(write, Waiter::Raft(callback))
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<TypeConfig>>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index() + 1);
        self.0.write_durably(LogWrite::TruncateFrom(from)).await
    }

    async fn purge(&mut self, upto: LogIdOf<TypeConfig>) -> Result<(), io::Error> {
        self.0.write_durably(LogWrite::Purge(upto)).await
    }
}
