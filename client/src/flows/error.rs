//! The error of flows that use this home and the ledger only.

use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::VaultError;

/// A vault or ledger that cannot be used, or a statement whose signature is wrong.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl Classified for LedgerError {
    fn kind(&self) -> ErrorKind {
        match self {
            LedgerError::Vault(error) => error.kind(),
            LedgerError::Cluster(error) => error.kind(),
            LedgerError::Statement(error) => error.kind(),
        }
    }
}
