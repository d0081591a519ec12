//! The one translation of errors into exit codes, messages, and codes and details for programs.
//!
//! The kind of an error gives the exit code, its `Display` the message, to which `unknown_outcome`
//! adds the next step of the command. Its code for programs is in the file of its family.

mod cluster;
mod commands;
mod flows;
mod peer;
mod pictures;
#[cfg(test)]
mod tests;
mod vault;

use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;
use cameo_common::terminal::escaped_line;
use serde_json::{Map, Value};

use super::exit::{Exit, Failure};
use crate::error_kind::{Classified, ErrorKind};

/// An error with a code for programs.
pub(super) trait Coded: Classified {
    /// The value of `error.code`.
    fn error_code(&self) -> &'static str;

    /// Fields beside the error in `--json`.
    fn details(&self) -> Map<String, Value> {
        Map::new()
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: error.kind().into(),
            code: error.error_code(),
            // In one line: a file's name, for one, may have a line break.
            message: escaped_line(&error.to_string()),
            details: error.details(),
        }
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::NotFound | ErrorKind::NotRegistered | ErrorKind::NoHome => Exit::NotFound,
            ErrorKind::Refused | ErrorKind::Forbidden | ErrorKind::Retired => Exit::Denied,
            ErrorKind::UsedUp => Exit::UsedUp,
            ErrorKind::PeerOffline => Exit::Queued,
            ErrorKind::ClusterAway => Exit::NoQuorum,
            ErrorKind::IdentityChanged | ErrorKind::Untrusted => Exit::IdentityChanged,
            ErrorKind::PeerBusy
            | ErrorKind::PeerMismatch
            | ErrorKind::Busy
            | ErrorKind::NoWorker
            | ErrorKind::Hopeless
            | ErrorKind::Other => Exit::Other,
        }
    }
}

impl Coded for StatementError {
    fn error_code(&self) -> &'static str {
        "statement"
    }
}

impl Coded for SealingError {
    fn error_code(&self) -> &'static str {
        "sealing"
    }
}

impl<E: Coded> Coded for Box<E> {
    fn error_code(&self) -> &'static str {
        (**self).error_code()
    }

    fn details(&self) -> Map<String, Value> {
        (**self).details()
    }
}

/// A single field beside an error.
fn detail(key: &str, value: impl Into<Value>) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value.into())])
}
