//! Group commit: at most one fdatasync at a time; all writes that arrive during it share the next
//! one.
//!
//! `raft-log` with `flush_batch_wait` 0 syncs each request separately, so the grouping is done
//! here. A single writer starts its sync without a thread in between; only waiting groups need the
//! thread.

use std::io;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use openraft::storage::IOFlushed;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use crate::consensus_types::TypeConfig;
use crate::latency::Latencies;
use crate::store::failure::{is_disk_full, stop_process};

/// A receiver of the result of a sync.
pub(super) enum Waiter {
    Raft(IOFlushed<TypeConfig>),
    Task(oneshot::Sender<io::Result<()>>),
    Thread(mpsc::Sender<io::Result<()>>),
}

impl Waiter {
    fn complete(self, result: io::Result<()>) {
        match self {
            Self::Raft(callback) => callback.io_completed(result),
            // Ignored when the receiver has stopped waiting.
            Self::Task(sender) => drop(sender.send(result)),
            Self::Thread(sender) => drop(sender.send(result)),
        }
    }
}

#[derive(Default)]
struct Pending {
    waiting: Vec<Waiter>,
    syncing: bool,
    /// The running sync has ended and `waiting` may be synced next.
    ready: bool,
    stopped: bool,
    /// Index of the last entry on disk, plus one.
    durable: u64,
    failed: Option<(io::ErrorKind, String)>,
}

/// The waiters of a log. Locked after the log itself, never before.
#[derive(Default)]
pub(super) struct Group {
    pending: Mutex<Pending>,
    changed: Condvar,
    latencies: Arc<Latencies>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

impl Group {
    /// A group whose syncs are timed.
    pub fn new(latencies: Arc<Latencies>) -> Self {
        Self {
            latencies,
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock()
    }

    pub fn set_durable(&self, end: u64) {
        self.lock().durable = end;
    }

    /// Index after the last entry on disk.
    pub fn durable(&self) -> u64 {
        self.lock().durable
    }

    /// An error once a write has failed: nothing after it may be accepted.
    pub fn check(&self) -> io::Result<()> {
        match &self.lock().failed {
            None => Ok(()),
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
        }
    }

    /// Adds a waiter. `Some` when the caller has to start the sync for the returned waiters. `end`
    /// is the index after the log's last entry. Call with the log locked.
    pub fn join(self: &Arc<Self>, waiter: Waiter, end: u64) -> Option<Waiters> {
        let mut pending = self.lock();
        pending.waiting.push(waiter);
        if pending.syncing {
            return None;
        }
        Some(self.start(&mut pending, end))
    }

    /// The next group, if it may be synced now. Call with the log locked.
    pub fn next(self: &Arc<Self>, end: u64) -> Option<Waiters> {
        let mut pending = self.lock();
        if !std::mem::take(&mut pending.ready) {
            return None;
        }
        Some(self.start(&mut pending, end))
    }

    fn start(self: &Arc<Self>, pending: &mut Pending, end: u64) -> Waiters {
        pending.syncing = true;
        Waiters {
            waiting: std::mem::take(&mut pending.waiting),
            end,
            began: Instant::now(),
            group: Arc::clone(self),
        }
    }

    /// Blocks until `next` has a group; false when the log is closed.
    pub fn wait_ready(&self) -> bool {
        let mut pending = self.lock();
        while !pending.ready && !pending.stopped {
            self.changed.wait(&mut pending);
        }
        !pending.stopped
    }

    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// The waiters of one fdatasync. Called on `raft-log`'s thread, which has none of our locks and
/// must never wait for the log's.
pub(super) struct Waiters {
    waiting: Vec<Waiter>,
    end: u64,
    /// Hand-over to `raft-log`.
    began: Instant,
    group: Arc<Group>,
}

impl Waiters {
    fn finish(&mut self, result: io::Result<()>) {
        {
            let mut pending = self.group.lock();
            match &result {
                Ok(()) => pending.durable = self.end,
                Err(error) => pending.failed = Some((error.kind(), error.to_string())),
            }
        }
        for waiter in self.waiting.drain(..) {
            waiter.complete(copy(&result));
        }
        let mut pending = self.group.lock();
        pending.syncing = false;
        if !pending.waiting.is_empty() {
            pending.syncing = true;
            pending.ready = true;
            self.group.changed.notify_all();
        }
    }
}

impl raft_log::Callback for Waiters {
    fn send(mut self, result: io::Result<()>) {
        let result = result.map_err(|error| {
            if !is_disk_full(&error) {
                stop_process("the log could not be written and synced", &error);
            }
            tracing::error!(%error, "no room left for the log: accepting no more entries");
            io::Error::new(
                error.kind(),
                format!(
                    "no room left for the log ({error}): free space, then start the node again; \
                     nothing acknowledged is lost"
                ),
            )
        });
        if result.is_ok() {
            let took = self.began.elapsed();
            self.group.latencies.log_syncs.record_time(took);
        }
        self.finish(result);
    }
}

impl Drop for Waiters {
    /// `raft-log` drops writes that it cannot do any more; their waiters get an error.
    fn drop(&mut self) {
        if !self.waiting.is_empty() {
            self.finish(Err(io::Error::other("the log accepts no more writes")));
        }
    }
}

fn copy(result: &io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use raft_log::Callback;

    use super::*;

    const VICTIM: &str = "CAMEO_STORE_TEST_VICTIM";
    const EIO: i32 = 5;
    const SIGABRT: i32 = 6;

    #[test]
    #[ignore = "the victim of a_failed_sync_ends_the_process"]
    fn fail_a_sync() {
        assert!(std::env::var_os(VICTIM).is_some());
        let (sender, _receiver) = oneshot::channel();
        let waiters = Arc::new(Group::default())
            .join(Waiter::Task(sender), 1)
            .unwrap();
        waiters.send(Err(io::Error::from_raw_os_error(EIO)));
    }

    #[test]
    fn a_failed_sync_ends_the_process() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::wal::group::tests::fail_a_sync",
                "--ignored",
                "--nocapture",
            ])
            .env(VICTIM, "1")
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(SIGABRT));
        let output_text = String::from_utf8_lossy(&output.stderr);
        assert!(
            output_text.contains("fatal: the log could not be written and synced"),
            "{output_text}"
        );
    }

    #[test]
    fn writes_that_arrive_during_a_sync_share_the_next_one() {
        let group = Arc::new(Group::default());
        let waiter = || {
            let (sender, receiver) = oneshot::channel();
            (Waiter::Task(sender), receiver)
        };
        let (first, mut first_done) = waiter();
        let running = group.join(first, 1).unwrap();
        let (second, mut second_done) = waiter();
        let (third, mut third_done) = waiter();
        assert!(group.join(second, 2).is_none());
        assert!(group.join(third, 3).is_none());
        assert!(group.next(3).is_none(), "the first sync is still running");

        running.send(Ok(()));
        first_done.try_recv().unwrap().unwrap();
        assert!(second_done.try_recv().is_err());
        assert_eq!(group.durable(), 1);

        group.next(3).unwrap().send(Ok(()));
        second_done.try_recv().unwrap().unwrap();
        third_done.try_recv().unwrap().unwrap();
        assert_eq!(group.durable(), 3);
    }

    #[test]
    fn a_dropped_sync_is_an_error_for_its_waiters() {
        let group = Arc::new(Group::default());
        let (sender, mut receiver) = oneshot::channel();
        drop(group.join(Waiter::Task(sender), 1).unwrap());
        assert!(receiver.try_recv().unwrap().is_err());
        assert!(group.check().is_err());
        assert_eq!(group.durable(), 0);
    }
}
