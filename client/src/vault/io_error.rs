//! Errors of the file system, with what to do when the disk is full.

use std::io;

/// An error of the file system, told as it is.
#[derive(Debug, thiserror::Error)]
#[error("{}", explained(.0, .0))]
pub struct IoError(#[from] pub io::Error);

/// Whether there is no room left.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// What is told of an error: `message`, and what to do when the disk is full.
pub(super) fn explained(error: &io::Error, message: impl std::fmt::Display) -> String {
    if is_full(error) {
        format!(
            "the disk is full ({message}): nothing that was kept before is lost; free some space and run it again"
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
