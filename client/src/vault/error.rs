//! Errors of the vault, with the remedy in each message.

use std::io;
use std::path::{Path, PathBuf};

use super::io_error::{IoError, explained};
use super::passphrase::{Origin, UnlockError};
use crate::error_kind::{Classified, ErrorKind};

/// A vault that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("there is no home folder; set CAMEO_HOME to a folder of your own")]
    NoHome,
    #[error(
        "{0} is a file, and a home is a folder: name a folder with --home or CAMEO_HOME, also a \
         new one for `cameo init`"
    )]
    NotAFolder(PathBuf),
    #[error("{0} has no vault yet; run `cameo init` first")]
    NotCreated(PathBuf),
    #[error("{0} has a vault already; choose another folder with CAMEO_HOME")]
    AlreadyCreated(PathBuf),
    #[error("the passphrase from {origin} does not open {path}; {}", origin.advice())]
    WrongPassphrase { path: PathBuf, origin: Origin },
    #[error("{0}")]
    NoPassphrase(#[from] UnlockError),
    #[error(
        "{path} is damaged ({reason}) and was left as it is: restore it from a backup, or move it \
         out of the vault to continue without it"
    )]
    Damaged { path: PathBuf, reason: &'static str },
    #[error(
        "{path} was written by another version of Cameo (format {found}, this version reads \
         {known}); update Cameo"
    )]
    OtherVersion {
        path: PathBuf,
        found: u16,
        known: u16,
    },
    #[error("an agent is running on {home} already{}; stop it first, or choose another folder with \
         CAMEO_HOME", process(*.pid))]
    AgentRunning { home: PathBuf, pid: Option<u32> },
    #[error("another Cameo process has locked {0} for too long; try again")]
    Busy(PathBuf),
    #[error("`{0}` is not a valid name in the vault: {1}")]
    InvalidName(String, &'static str),
    #[error("a record of {size} bytes is over the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("a record cannot be encoded")]
    Encoding,
    #[error("the operating system returns no random bytes")]
    NoRandomness,
    #[error("{}", explained(.source, format_args!("cannot {action} {}: \
         {source}", .path.display())))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl VaultError {
    /// For `map_err`: adds the action and the file to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| VaultError::Io {
            action,
            path,
            source,
        }
    }

    pub(super) fn damaged(path: &Path, reason: &'static str) -> Self {
        VaultError::Damaged {
            path: path.to_owned(),
            reason,
        }
    }
}

impl Classified for VaultError {
    fn kind(&self) -> ErrorKind {
        match self {
            VaultError::NotCreated(_) => ErrorKind::NoHome,
            VaultError::AlreadyCreated(_) | VaultError::NotAFolder(_) => ErrorKind::Usage,
            _ => ErrorKind::Other,
        }
    }
}

/// A vault or file system that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Io(#[from] IoError),
}

impl From<io::Error> for LocalError {
    fn from(error: io::Error) -> Self {
        LocalError::Io(error.into())
    }
}

impl Classified for LocalError {
    fn kind(&self) -> ErrorKind {
        match self {
            LocalError::Vault(error) => error.kind(),
            LocalError::Io(error) => error.kind(),
        }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}
