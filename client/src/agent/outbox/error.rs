//! The error of an outbox attempt.

use crate::directory::DirectoryError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::LedgerError;
use crate::flows::request::RequestError;
use crate::flows::rights::RightsError;
use crate::flows::share::ShareError;
use crate::peer::PeerError;
use crate::vault::VaultError;

/// A failed attempt of an outbox item.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum AttemptError {
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Rights(#[from] RightsError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for AttemptError {
    fn kind(&self) -> ErrorKind {
        match self {
            AttemptError::Share(error) => error.kind(),
            AttemptError::Request(error) => error.kind(),
            AttemptError::Rights(error) => error.kind(),
            AttemptError::Ledger(error) => error.kind(),
            AttemptError::Directory(error) => error.kind(),
            AttemptError::Peer(error) => error.kind(),
            AttemptError::Vault(error) => error.kind(),
        }
    }
}
