//! The shared handle of the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cameo_mutant::{Mutant, is_planted};
use parking_lot::{Mutex, MutexGuard};
use raft_log::RaftLog;
use raft_log::api::raft_log_writer::RaftLogWriter;
use tokio::sync::oneshot;

use super::codec::{EntryRecord, LogKey, LogTypes, VoteRecord};
use super::error::WalError;
use super::group::{Group, Waiter};
use super::tail;
use crate::consensus_types::aliases::{Entry, LogId, Vote};
use crate::latency::Latencies;
use crate::store::failure::StopOnPanic;

/// Size at which a log file is closed. Purged files are removed as a whole.
const CHUNK_BYTES: usize = 32 << 20;
/// Most bytes of a log file: it is closed by the record that exceeds the size.
pub(in super::super) const FILE_BYTES: u64 = (CHUNK_BYTES + (2 << 20)) as u64;
/// Size and number of the entries kept in memory; older ones are read from their file.
const CACHE_BYTES: usize = 64 << 20;
const CACHE_ENTRIES: usize = 100_000;
/// Limit of written but not yet synced bytes, above which writers wait.
const QUEUE_BYTES: usize = 64 << 20;
const REPLAY_BUFFER_BYTES: usize = 1 << 20;

/// The log. Clones share it.
#[derive(Debug, Clone)]
pub struct Wal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    directory: PathBuf,
    group: Arc<Group>,
    syncer: Mutex<Option<JoinHandle<()>>>,
}

/// `raft-log`, and state that it does not keep.
#[derive(Debug)]
pub(super) struct Log {
    pub inner: RaftLog<LogTypes>,
    /// Last committed id that openraft reported. It may be ahead of the log while a snapshot is
    /// being installed, and is written as soon as the log reaches it.
    pub committed: Option<LogKey>,
}

impl Log {
    pub fn last(&self) -> Option<LogKey> {
        self.inner.log_state().last().copied()
    }

    pub fn purged(&self) -> Option<LogKey> {
        self.inner.log_state().purged().copied()
    }

    pub fn end(&self) -> u64 {
        self.last().map_or(0, |key| key.index + 1)
    }

    /// Removes the entries from `keep` on.
    pub fn truncate(&mut self, keep: u64) -> io::Result<()> {
        if keep >= self.end() {
            return Ok(());
        }
        self.inner.truncate(keep).map(drop)
    }

    /// Removes everything up to `upto`, which need not be in the log.
    pub fn purge(&mut self, upto: LogKey) -> io::Result<()> {
        self.drop_conflicting(upto)?;
        self.inner.purge(upto).map(drop)
    }

    /// Removes entries that conflict with `upto`. After an installed snapshot the log may have
    /// entries of deposed leaders. `raft-log` would keep those above `upto`, so they are removed
    /// first; committed entries never conflict.
    fn drop_conflicting(&mut self, upto: LogKey) -> io::Result<()> {
        let beyond = Some(upto) > self.last();
        let same = self
            .inner
            .read(upto.index, upto.index + 1)
            .next()
            .transpose()?;
        let differs = same.is_some_and(|(key, _)| key != upto);
        if !beyond && !differs {
            return Ok(());
        }
        let committed = self
            .inner
            .log_state()
            .committed()
            .map_or(0, |key| key.index + 1);
        let purged = self.purged().map_or(0, |key| key.index + 1);
        self.truncate(committed.max(purged))
    }

    /// Writes `committed` if the log reaches it. It is on disk after the next sync.
    fn write_committed(&mut self) -> io::Result<()> {
        let written = self.inner.log_state().committed().copied();
        let reachable = self.committed.filter(|key| Some(*key) <= self.last());
        if reachable > written
            && let Some(key) = reachable
        {
            self.inner.commit(key)?;
        }
        Ok(())
    }
}

impl Wal {
    /// Reads the log in `directory`, or starts an empty one there. `was_clean`: the process before
    /// has synced it at its stop.
    pub fn open(
        directory: &Path,
        latencies: Arc<Latencies>,
        was_clean: bool,
    ) -> Result<Self, WalError> {
        if let Some(truncation) = tail::inspect(directory)? {
            tracing::warn!(
                file = truncation.file,
                offset = truncation.offset,
                bytes = truncation.bytes,
                "removing an incomplete record at the end of the log, which was never acknowledged"
            );
        }
        let inner = RaftLog::open(Arc::new(config(directory))).map_err(WalError::Unreadable)?;
        let log = Log {
            committed: inner.log_state().committed().copied(),
            inner,
        };
        check_contiguous(&log)?;
        // A killed process may have left records that were written and not synced. From here on
        // they count as durable.
        tail::sync(directory, was_clean).map_err(WalError::Unreadable)?;
        let group = Arc::new(Group::new(latencies));
        group.set_durable(log.end());
        let shared = Arc::new(Shared {
            log: Mutex::new(log),
            directory: directory.to_owned(),
            group,
            syncer: Mutex::new(None),
        });
        let syncer = spawn_syncer(&shared).map_err(WalError::Unreadable)?;
        *shared.syncer.lock() = Some(syncer);
        Ok(Self { shared })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Log> {
        self.shared.lock()
    }

    pub(super) fn directory(&self) -> &Path {
        &self.shared.directory
    }

    pub(in super::super) fn last(&self) -> Option<LogId> {
        self.lock().last().map(LogId::from)
    }

    pub(in super::super) fn purged(&self) -> Option<LogId> {
        self.lock().purged().map(LogId::from)
    }

    pub(in super::super) fn committed(&self) -> Option<LogId> {
        self.lock().committed.map(LogId::from)
    }

    pub(in super::super) fn vote(&self) -> Option<Vote> {
        self.lock()
            .inner
            .log_state()
            .vote()
            .map(|vote| (*vote).into())
    }

    /// The id of the entry at `index`, if the log has it.
    pub(in super::super) fn id_at(&self, index: u64) -> io::Result<Option<LogId>> {
        let log = self.lock();
        let found = log.inner.read(index, index + 1).next().transpose()?;
        Ok(found.map(|(key, _)| key.into()))
    }

    /// Entries of `[from, to)` in the log, until `max_bytes` are exceeded; at least one.
    pub(super) fn read(&self, from: u64, to: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        {
            let log = self.lock();
            let mut bytes = 0;
            for item in log.inner.read(from, to) {
                let (key, record) = item?;
                bytes += record.len();
                if bytes > max_bytes && !found.is_empty() {
                    break;
                }
                found.push((key, record));
            }
        }
        found
            .iter()
            .map(|(key, record)| record.entry(*key))
            .collect()
    }

    /// Changes the log in memory and notifies `waiter` when the change is on disk.
    pub(super) fn write(
        &self,
        waiter: Waiter,
        change: impl FnOnce(&mut Log) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut log = self.lock();
        self.shared.group.check()?;
        change(&mut log)?;
        log.write_committed()?;
        let end = log.end();
        match self.shared.group.join(waiter, end) {
            Some(waiters) => log
                .inner
                .flush(!is_planted(Mutant::FsyncDropped), Some(waiters)),
            None => Ok(()),
        }
    }

    /// As `write`, but returns when the change is on disk.
    pub(super) async fn write_durably(
        &self,
        change: impl FnOnce(&mut Log) -> io::Result<()> + Send,
    ) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.write(Waiter::Task(sender), change)?;
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Starts the log after `id`, up to which there is a durable snapshot. Not for async callers.
    pub(in super::super) fn start_after(&self, id: &LogId) -> io::Result<()> {
        let key = LogKey::from(id);
        self.write_blocking(|log| log.purge(key))
    }

    fn write_blocking(&self, change: impl FnOnce(&mut Log) -> io::Result<()>) -> io::Result<()> {
        let (sender, receiver) = mpsc::channel();
        self.write(Waiter::Thread(sender), change)?;
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    pub(super) fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        let mut log = self.lock();
        self.shared.group.check()?;
        log.committed = log.committed.max(committed.as_ref().map(LogKey::from));
        log.write_committed()
    }

    /// Blocks until every entry up to `index` is on disk, so that the state is never ahead of the
    /// log.
    pub(in super::super) fn sync_up_to(&self, index: u64) -> io::Result<()> {
        if self.shared.group.durable() > index {
            // Later commits are at least handed to the page cache.
            return self.lock().inner.flush(false, None);
        }
        self.sync()
    }

    /// Blocks until everything written so far is on disk. Not for async callers.
    pub(in super::super) fn sync(&self) -> io::Result<()> {
        self.write_blocking(|_| Ok(()))
    }

    /// Writes entries without a sync.
    #[cfg(test)]
    pub(in super::super) fn write_without_sync(&self, entries: Vec<Entry>) {
        let appended = Self::append_entries(&mut self.lock(), entries);
        assert!(appended.is_ok());
    }

    pub(super) fn save_vote_record(log: &mut Log, vote: &Vote) -> io::Result<()> {
        log.inner.save_vote(VoteRecord::from(vote)).map(drop)
    }

    pub(super) fn append_entries(
        log: &mut Log,
        entries: impl IntoIterator<Item = Entry>,
    ) -> io::Result<()> {
        let encoded = entries
            .into_iter()
            .map(|entry| {
                Ok((
                    LogKey::from(&entry.log_id),
                    EntryRecord::new(&entry.payload)?,
                ))
            })
            .collect::<io::Result<Vec<_>>>()?;
        log.inner.append(encoded).map(drop)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.group.stop();
        let syncer = self.syncer.lock().take();
        if let Some(syncer) = syncer
            && syncer.thread().id() != thread::current().id()
            && syncer.join().is_err()
        {
            tracing::error!("the log's sync thread panicked");
        }
    }
}

/// The thread that starts the sync of waiters that arrived during the previous sync.
fn spawn_syncer(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let weak = Arc::downgrade(shared);
    let group = Arc::clone(&shared.group);
    let run = move || {
        // Without this thread the log's writers would wait for ever.
        let _guard = StopOnPanic("the log's sync thread ended");
        while group.wait_ready() {
            let Some(shared) = weak.upgrade() else { return };
            let mut log = shared.lock();
            let end = log.end();
            if let Some(waiters) = group.next(end)
                && let Err(error) = log
                    .inner
                    .flush(!is_planted(Mutant::FsyncDropped), Some(waiters))
            {
                tracing::error!(%error, "the log accepts no more writes");
            }
        }
    };
    thread::Builder::new()
        .name("log-sync".to_owned())
        .spawn(run)
}

fn config(directory: &Path) -> raft_log::Config {
    raft_log::Config {
        wal: raft_log::chunked_wal::Config {
            dir: directory.to_string_lossy().into_owned(),
            read_buffer_size: Some(REPLAY_BUFFER_BYTES),
            chunk_max_records: None,
            chunk_max_size: Some(CHUNK_BYTES),
            truncate_incomplete_record: Some(true),
            flush_batch_wait: Some(Duration::ZERO),
            flush_batch_max_items: None,
            flush_queue_max_bytes: Some(QUEUE_BYTES),
        },
        log_cache_max_items: Some(CACHE_ENTRIES),
        log_cache_capacity: Some(CACHE_BYTES),
    }
}

/// Checks that no file at the beginning of the log is missing; `raft-log` does not check that.
fn check_contiguous(log: &Log) -> Result<(), WalError> {
    let start = log.purged().map_or(0, |key| key.index + 1);
    if log.end() <= start {
        return Ok(());
    }
    let first = log.inner.read(start, log.end()).next();
    match first.transpose().map_err(WalError::Unreadable)? {
        Some((key, _)) if key.index == start => Ok(()),
        _ => Err(WalError::Gap { missing: start }),
    }
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}
