//! File system errors, with the remedy for a full disk.

use std::io;

/// An I/O error of the file system.
#[derive(Debug, thiserror::Error)]
#[error("{}", explained(.0, .0))]
pub struct IoError(#[from] pub io::Error);

/// Whether the error is a full disk or an exceeded quota.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// `message`, with the remedy if the disk is full.
pub(super) fn explained(error: &io::Error, message: impl std::fmt::Display) -> String {
    if is_full(error) {
        format!(
            "the disk is full ({message}): nothing stored before is lost; free some space and run \
             the command again"
        )
    } else {
        message.to_string()
    }
}

impl crate::error_kind::Classified for IoError {
    fn kind(&self) -> crate::error_kind::ErrorKind {
        crate::error_kind::ErrorKind::Other
    }
}
