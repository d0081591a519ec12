//! Reasons why a node releases no part, or confirms no rights.

use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;
use cameo_machine::Refusal;

use crate::floor::{FloorError, FloorRefusal};
use crate::raft::ReadError;

/// The reason why no part is released or no rights are confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The index comes from the client and may be wrong, so whether the view was charged is open.
    #[error(
        "index {asked} is above the cluster's confirmed index {confirmed}: repeat the debit with \
         the same request id, and use the index of its reply"
    )]
    Unconfirmed { asked: u64, confirmed: u64 },
    #[error("{0}")]
    Statement(#[from] StatementError),
    #[error("the committed statements of this view do not match: {0}")]
    Unsound(&'static str),
    #[error("this node holds no part of this deal: ask the nodes that the deal names")]
    NotAHolder,
    #[error("this node's part cannot be opened: the owner has to deal again")]
    Part(#[from] SealingError),
    #[error(transparent)]
    Floor(#[from] FloorError),
    #[error("the ledger has rights of version {recorded}, and not yet version {asked}")]
    NotRecorded { asked: u64, recorded: u64 },
}

impl ReleaseError {
    /// Whether the node's state lies below its floor.
    #[must_use]
    pub fn is_rolled_back(&self) -> bool {
        matches!(
            self,
            Self::Floor(FloorError::Refused(
                FloorRefusal::Behind { .. } | FloorRefusal::OtherRights { .. }
            ))
        )
    }
}
