//! Errors of receiving a carrier.

use crate::flows::open::OpenError;
use crate::peer::TransferError;
use crate::vault::{IoError, LocalError, VaultError};

use super::rights::ReceivedRightsError;

/// A carrier that was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Refused, with the reason for the sender.
    #[error("{0}")]
    NotAccepted(String),
    #[error("too many carriers are being received here; try again later")]
    TooMany,
    /// The carrier cannot be read here, for a reason of this home.
    #[error(transparent)]
    Open(OpenError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Rights(#[from] ReceivedRightsError),
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl From<VaultError> for ReceiveError {
    fn from(error: VaultError) -> Self {
        LocalError::from(error).into()
    }
}

impl From<std::io::Error> for ReceiveError {
    fn from(error: std::io::Error) -> Self {
        LocalError::from(IoError::from(error)).into()
    }
}

impl ReceiveError {
    pub(super) fn not_accepted(why: &str) -> Self {
        ReceiveError::NotAccepted(why.to_owned())
    }
}
