//! Errors that several commands share.

use crate::control::OtherVersion;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::BindError;
use crate::text::prefix::PrefixError;
use crate::vault::VaultError;

/// A record that was not found by its id.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("the {0} was removed meanwhile")]
    Gone(&'static str),
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for FindError {
    fn kind(&self) -> ErrorKind {
        match self {
            FindError::Gone(_) => ErrorKind::NotFound,
            FindError::Prefix(error) => error.kind(),
            FindError::Vault(error) => error.kind(),
        }
    }
}

/// Other agents that cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    #[error(transparent)]
    OtherVersion(#[from] OtherVersion),
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl Classified for PeersError {
    fn kind(&self) -> ErrorKind {
        match self {
            PeersError::OtherVersion(error) => error.kind(),
            PeersError::Bind(error) => error.kind(),
        }
    }
}
