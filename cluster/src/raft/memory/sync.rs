//! Group commit of one process: one sync at a time; what is written during it waits for the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cameo_mutant::{Mutant, is_planted};
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::model::DiskModel;
use super::platter::{LogWrite, Platter};
use crate::consensus_types::TypeConfig;

/// Who waits for a sync.
pub(super) enum Waiter {
    Raft(IOFlushed<TypeConfig>),
    Task(oneshot::Sender<io::Result<()>>),
    Nobody,
}

impl Waiter {
    fn end(self, failed: Option<&str>) {
        let result = match failed {
            Some(why) => Err(io::Error::other(why.to_owned())),
            None => Ok(()),
        };
        match self {
            Self::Raft(flushed) => flushed.io_completed(result),
            // Ignored when the task has ended.
            Self::Task(sender) => drop(sender.send(result)),
            Self::Nobody => {}
        }
    }
}

/// Writes the log of one process.
#[derive(Clone)]
pub(super) struct Syncer {
    pub platter: Arc<Mutex<Platter>>,
    pub model: Arc<dyn DiskModel>,
    group: Arc<Mutex<Group>>,
}

#[derive(Default)]
struct Group {
    waiting: Vec<Waiter>,
    syncing: bool,
    failed: Option<String>,
}

impl Syncer {
    pub fn new(platter: Arc<Mutex<Platter>>, model: Arc<dyn DiskModel>) -> Self {
        Self {
            platter,
            model,
            group: Arc::default(),
        }
    }

    /// Why the disk takes no more writes of this process, if so.
    pub fn failure(&self) -> Option<String> {
        self.group.lock().failed.clone()
    }

    /// Hands a write to the system, and tells `waiter` when it is durable.
    pub fn write(&self, write: LogWrite, waiter: Waiter) -> io::Result<()> {
        {
            let mut group = self.group.lock();
            if let Some(why) = &group.failed {
                return Err(io::Error::other(why.clone()));
            }
            self.platter.lock().write(write);
            if matches!(waiter, Waiter::Nobody) {
                return Ok(());
            }
            group.waiting.push(waiter);
            if std::mem::replace(&mut group.syncing, true) {
                return Ok(());
            }
        }
        let first = self.model.next_sync();
        if first.takes == Duration::ZERO {
            // Nothing joins the group meanwhile.
            let (waiters, writes) = self.next_group();
            self.end_sync(waiters, writes, first.fails);
        } else {
            tokio::spawn(self.clone().sync_all(first));
        }
        Ok(())
    }

    /// Returns when the write is durable.
    pub async fn write_durably(&self, write: LogWrite) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.write(write, Waiter::Task(sender))?;
        let stopped = || io::Error::other("the process has ended");
        receiver.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Returns after one sync of other files, such as a snapshot.
    pub async fn sync_file(&self) -> io::Result<()> {
        let sync = self.model.next_sync();
        tokio::time::sleep(sync.takes).await;
        if sync.fails {
            let why = "the disk could not sync a file".to_owned();
            self.group.lock().failed.get_or_insert(why.clone());
            return Err(io::Error::other(why));
        }
        Ok(())
    }

    async fn sync_all(self, first: super::model::NextSync) {
        let mut next = first;
        loop {
            let (waiters, writes) = self.next_group();
            tokio::time::sleep(next.takes).await;
            if !self.end_sync(waiters, writes, next.fails) {
                return;
            }
            next = self.model.next_sync();
        }
    }

    fn next_group(&self) -> (Vec<Waiter>, usize) {
        let waiters = std::mem::take(&mut self.group.lock().waiting);
        (waiters, self.platter.lock().unsynced())
    }

    /// Returns whether another sync has to follow.
    fn end_sync(&self, waiters: Vec<Waiter>, writes: usize, fails: bool) -> bool {
        let why = fails.then(|| "the disk could not sync the log".to_owned());
        if why.is_none() && !is_planted(Mutant::FsyncDropped) {
            self.platter.lock().sync(writes);
        }
        let again = {
            let mut group = self.group.lock();
            group.failed = group.failed.take().or(why.clone());
            group.syncing = group.failed.is_none() && !group.waiting.is_empty();
            group.syncing
        };
        for waiter in waiters {
            waiter.end(why.as_deref());
        }
        again
    }
}
