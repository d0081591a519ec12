//! Codes of errors of the vault, of files and of the viewer.

use super::Coded;
use crate::text::prefix::PrefixError;
use crate::vault::files::FileError;
use crate::vault::io_error::is_full;
use crate::vault::key_file::KeyFileError;
use crate::vault::{IoError, LocalError, VaultError, WorkLockError};
use crate::viewer::ViewerError;

const DISK_FULL: &str = "disk_full";

impl Coded for VaultError {
    fn word(&self) -> &'static str {
        match self {
            VaultError::NotCreated(_) => "no_home",
            VaultError::AlreadyCreated(_) => "home_exists",
            VaultError::AgentRunning { .. } => "agent_running",
            VaultError::WrongPassphrase { .. } | VaultError::NoPassphrase(_) => "locked",
            VaultError::Io { source, .. } if is_full(source) => DISK_FULL,
            _ => "vault",
        }
    }
}

impl Coded for IoError {
    fn word(&self) -> &'static str {
        if is_full(&self.0) { DISK_FULL } else { "io" }
    }
}

impl Coded for LocalError {
    fn word(&self) -> &'static str {
        match self {
            LocalError::Vault(error) => error.word(),
            LocalError::Io(error) => error.word(),
        }
    }
}

impl Coded for WorkLockError {
    fn word(&self) -> &'static str {
        match self {
            WorkLockError::Busy => "busy",
            WorkLockError::Local(error) => error.word(),
        }
    }
}

impl Coded for FileError {
    fn word(&self) -> &'static str {
        match self {
            FileError::Missing(_) => "not_found",
            FileError::Io { source, .. } if is_full(source) => DISK_FULL,
            FileError::Io { .. } => "io",
            _ => "usage",
        }
    }
}

impl Coded for KeyFileError {
    fn word(&self) -> &'static str {
        match self {
            KeyFileError::File(error) => error.word(),
            _ => "key_file",
        }
    }
}

impl Coded for PrefixError {
    fn word(&self) -> &'static str {
        match self {
            PrefixError::None { .. } => "not_found",
            PrefixError::NotHex(_) | PrefixError::Several { .. } => "usage",
        }
    }
}

impl Coded for ViewerError {
    fn word(&self) -> &'static str {
        match self {
            ViewerError::NoBrowser => "not_shown",
            ViewerError::Io(error) => error.word(),
            ViewerError::Vault(error) => error.word(),
        }
    }
}
