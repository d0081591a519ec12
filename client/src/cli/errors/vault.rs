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
    fn error_code(&self) -> &'static str {
        match self {
            VaultError::NotCreated(_) => "no_home",
            VaultError::AlreadyCreated(_) => "home_exists",
            VaultError::NotAFolder(_) => "usage",
            VaultError::AgentRunning { .. } => "agent_running",
            VaultError::WrongPassphrase { .. } | VaultError::NoPassphrase(_) => "locked",
            VaultError::Io { source, .. } if is_full(source) => DISK_FULL,
            _ => "vault",
        }
    }
}

impl Coded for IoError {
    fn error_code(&self) -> &'static str {
        if is_full(&self.0) { DISK_FULL } else { "io" }
    }
}

impl Coded for LocalError {
    fn error_code(&self) -> &'static str {
        match self {
            LocalError::Vault(error) => error.error_code(),
            LocalError::Io(error) => error.error_code(),
        }
    }
}

impl Coded for WorkLockError {
    fn error_code(&self) -> &'static str {
        match self {
            WorkLockError::Busy => "busy",
            WorkLockError::Local(error) => error.error_code(),
        }
    }
}

impl Coded for FileError {
    fn error_code(&self) -> &'static str {
        match self {
            FileError::Missing(_) => "not_found",
            FileError::Io { source, .. } if is_full(source) => DISK_FULL,
            FileError::Io { .. } => "io",
            _ => "usage",
        }
    }
}

impl Coded for KeyFileError {
    fn error_code(&self) -> &'static str {
        match self {
            KeyFileError::File(error) => error.error_code(),
            _ => "key_file",
        }
    }
}

impl Coded for PrefixError {
    fn error_code(&self) -> &'static str {
        match self {
            PrefixError::None { .. } => "not_found",
            PrefixError::NotHex(_) | PrefixError::Several { .. } => "usage",
        }
    }
}

impl Coded for ViewerError {
    fn error_code(&self) -> &'static str {
        match self {
            ViewerError::NoBrowser | ViewerError::BrokenOff => "not_shown",
            ViewerError::Io(error) => error.error_code(),
            ViewerError::Vault(error) => error.error_code(),
        }
    }
}
