//! The write lock and the agent lock of a home. Both are kernel locks, which are released when the
//! process that holds them ends in any way.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::VaultError;
use super::home::Home;

/// Bound on the wait for another process's write.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
const WRITE_RETRY: Duration = Duration::from_millis(2);

/// Held by the only agent of a home while it runs.
#[derive(Debug)]
pub struct AgentLock {
    _file: File,
}

impl AgentLock {
    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// [`VaultError::AgentRunning`] when another process holds it.
    pub fn take(home: &Home) -> Result<Self, VaultError> {
        let path = home.path().join("agent.lock");
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(VaultError::AgentRunning {
                    home: home.path().to_owned(),
                    pid: holder(&path),
                });
            }
            Err(TryLockError::Error(error)) => return Err(VaultError::io("lock", &path)(error)),
        }
        // For the error message of a second agent.
        let noted = file
            .set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        noted.map_err(VaultError::io("write", &path))?;
        Ok(Self { _file: file })
    }

    /// The process id of this home's agent, if one runs; 0 if the id cannot be read.
    pub fn holder(home: &Home) -> Result<Option<u32>, VaultError> {
        let path = home.path().join("agent.lock");
        match open(&path)?.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(holder(&path).unwrap_or_default())),
            Err(TryLockError::Error(error)) => Err(VaultError::io("lock", &path)(error)),
        }
    }
}

/// Held during one change of the vault.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    pub(super) fn take(home: &Home) -> Result<Self, VaultError> {
        let path = home.path().join("write.lock");
        let file = open(&path)?;
        let end = Instant::now() + WRITE_DEADLINE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < end => {
                    thread::sleep(WRITE_RETRY);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(VaultError::Busy(home.path().to_owned()));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(VaultError::io("lock", &path)(error));
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<File, VaultError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(VaultError::io("open", path))
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_second_agent_is_refused_until_the_first_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        assert_eq!(AgentLock::holder(&home).unwrap(), None);
        let first = AgentLock::take(&home).unwrap();
        let refusal = AgentLock::take(&home).unwrap_err().to_string();
        assert!(refusal.contains("running"), "{refusal}");
        let pid = std::process::id();
        assert!(refusal.contains(&format!("process {pid}")), "{refusal}");
        assert_eq!(AgentLock::holder(&home).unwrap(), Some(pid));
        drop(first);
        AgentLock::take(&home).unwrap();
    }

    #[test]
    fn commands_write_while_an_agent_runs() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let _agent = AgentLock::take(&home).unwrap();
        drop(WriteLock::take(&home).unwrap());
        WriteLock::take(&home).unwrap();
    }
}
