//! openraft's storage traits for the log.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};

use cameo_mutant::{Mutant, is_planted};
use futures_util::{Stream, StreamExt, stream};
use openraft::OptionalSend;
use openraft::errors::LeaderChanged;
use openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, LeaderBoundedStreamResult, LogState, RaftLogReader,
    RaftLogStorage,
};

use super::codec::LogKey;
use super::group::Waiter;
use super::log::Wal;
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::{Entry, LeaderId, LogId, Vote};

/// Limits of one read of a stream: enough for a full batch, and small enough to keep memory and
/// locks short.
const READ_ENTRIES: u64 = 256;
const READ_BYTES: usize = 2 << 20;

impl RaftLogStorage<TypeConfig> for Wal {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = self.lock();
        Ok(LogState {
            last_purged_log_id: log.purged().map(LogId::from),
            last_log_id: log.last().map(LogId::from),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        if is_planted(Mutant::VoteNotPersisted) {
            return Ok(());
        }
        self.write_durably(|log| Self::save_vote_record(log, vote))
            .await
    }

    /// On disk after the next sync. If it is lost, fewer entries are applied at start.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        Self::save_committed(self, committed)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.committed())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.write(Waiter::Raft(callback), |log| {
            Self::append_entries(log, entries)
        })
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let keep = last.map_or(0, |id| id.index() + 1);
        self.write_durably(|log| log.truncate(keep)).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let upto = LogKey::from(&upto);
        self.write_durably(|log| log.purge(upto)).await
    }
}

impl RaftLogReader<TypeConfig> for Wal {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (from, to) = self.bounds(&range);
        self.read(from, to, usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(
            start,
            end.min(start.saturating_add(READ_ENTRIES)),
            READ_BYTES,
        )
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.vote())
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderId,
        range: RB,
    ) -> impl Stream<Item = LeaderBoundedStreamResult<TypeConfig>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let wal = self.clone();
        let check = move || match wal.vote() {
            Some(vote) if vote.leader_id == leader && vote.committed => Ok(()),
            vote => Err(LeaderBoundedStreamError::LeaderChanged(LeaderChanged::new(
                leader, vote,
            ))),
        };
        let (from, to) = self.bounds(&range);
        entries(self.clone(), from, to, check)
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = self.bounds(&range);
        entries(self.clone(), from, to, || Ok::<_, io::Error>(()))
    }
}

impl Wal {
    /// Half-open bounds; an unbounded end is the current end of the log.
    fn bounds(&self, range: &impl RangeBounds<u64>) -> (u64, u64) {
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => self.lock().end(),
        };
        (from, to.max(from))
    }
}

/// Entries of `[from, to)`, read in pieces. `check` runs before and after each piece, and its error
/// ends the stream.
fn entries<E: From<io::Error>>(
    wal: Wal,
    from: u64,
    to: u64,
    check: impl Fn() -> Result<(), E> + Clone,
) -> impl Stream<Item = Result<Entry, E>> {
    let piece = move |from: u64| -> Result<Vec<Entry>, E> {
        check()?;
        let found = wal.read(from, to.min(from.saturating_add(READ_ENTRIES)), READ_BYTES)?;
        check()?;
        Ok(found)
    };
    let next = move |(mut buffer, from, first): (std::vec::IntoIter<Entry>, u64, bool)| {
        let mut ready = buffer.next().map(Ok);
        let mut at = from;
        if ready.is_none() && (at < to || first) {
            match piece(at) {
                Ok(found) => {
                    // Purged entries may be missing at the beginning, unwritten ones at the end.
                    at = found.last().map_or(to, |entry| entry.log_id.index() + 1);
                    buffer = found.into_iter();
                    ready = buffer.next().map(Ok);
                }
                Err(error) => {
                    at = to;
                    ready = Some(Err(error));
                }
            }
        }
        std::future::ready(ready.map(|item| (item, (buffer, at, false))))
    };
    stream::unfold((Vec::new().into_iter(), from, true), next).fuse()
}
