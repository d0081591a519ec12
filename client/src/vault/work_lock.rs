//! Work locks: the agent and the commands of a home never work on the same item at the same time.
//!
//! They are kernel locks, released when the process ends. Each kind of item has a fixed number of
//! locks, so that the number of files is bounded. Two items of one kind may share a lock and then
//! wait for each other. Items of different kinds never do: a view does not wait for a delivery that
//! takes minutes.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use cameo_common::ids::GrantId;
use tokio::time::{Instant, sleep};

use super::error::LocalError;
use super::home::Home;
use super::records::OutboxKey;
use crate::error_kind::{Classified, ErrorKind};

/// Locks of one home for each kind of item: far more than are held at a time, so that few items
/// share one.
const LOCKS: u16 = 1024;
/// Interval at which a waiting process tries the lock again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// A work lock that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WorkLockError {
    #[error(
        "another process of this home works on this, or on an item with the same lock; try again \
         in a minute"
    )]
    Busy,
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl Classified for WorkLockError {
    fn kind(&self) -> ErrorKind {
        match self {
            WorkLockError::Busy => ErrorKind::Busy,
            WorkLockError::Local(error) => error.kind(),
        }
    }
}

/// Held while an item is worked on.
#[derive(Debug)]
pub struct WorkLock {
    _file: File,
}

impl WorkLock {
    /// Takes the lock of an outbox item. `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock's file cannot be opened.
    pub fn try_on(home: &Home, key: OutboxKey) -> Result<Option<Self>, LocalError> {
        Self::try_lock(home, &key.id())
    }

    fn try_lock(home: &Home, id: &str) -> Result<Option<Self>, LocalError> {
        let hash = blake3::hash(id.as_bytes());
        let [first, second, ..] = *hash.as_bytes();
        let slot = u16::from_le_bytes([first, second]) % LOCKS;
        let kind = id.split('-').next().unwrap_or(id);
        let path = home.locks()?.join(format!("{kind}-{slot}.lock"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Waits for the lock of an outbox item.
    ///
    /// # Errors
    /// When that takes longer than the deadline.
    pub async fn on(
        home: &Home,
        key: OutboxKey,
        deadline: Duration,
    ) -> Result<Self, WorkLockError> {
        Self::lock(home, &key.id(), deadline).await
    }

    /// Waits until no other process of this home opens the photo of a grant. A running process's
    /// pending view must not be resumed by another one, or both would show it for one charge.
    ///
    /// # Errors
    /// When that takes longer than the deadline.
    pub async fn viewing(
        home: &Home,
        grant: &GrantId,
        deadline: Duration,
    ) -> Result<Self, WorkLockError> {
        Self::lock(home, &format!("view-{grant}"), deadline).await
    }

    async fn lock(home: &Home, id: &str, deadline: Duration) -> Result<Self, WorkLockError> {
        let end = Instant::now() + deadline;
        loop {
            if let Some(lock) = Self::try_lock(home, id)? {
                return Ok(lock);
            }
            if Instant::now() >= end {
                return Err(WorkLockError::Busy);
            }
            sleep(RETRY_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::RequestId;

    use super::*;

    #[test]
    fn one_thing_has_one_worker() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let key = OutboxKey::Deliver(GrantId([1; 32]));
        let first = WorkLock::try_on(&home, key).unwrap();
        assert!(first.is_some());
        assert!(WorkLock::try_on(&home, key).unwrap().is_none());
        drop(first);
        assert!(WorkLock::try_on(&home, key).unwrap().is_some());
    }

    #[test]
    fn what_is_sent_holds_up_nothing_of_another_kind() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let sending = OutboxKey::Deliver(GrantId([1; 32]));
        let _slow = WorkLock::try_on(&home, sending).unwrap().unwrap();
        for number in 0..=u8::MAX {
            let making = OutboxKey::Share(RequestId([number; 16]));
            assert!(WorkLock::try_on(&home, making).unwrap().is_some());
        }
    }
}
