//! Errors of requests.

use cameo_common::ids::{GrantId, RequestId, UserName};
use cameo_common::signed::StatementError;

use crate::directory::DirectoryError;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::PeerError;
use crate::text::prefix::short;
use crate::vault::VaultError;

/// A request that was not sent or was refused.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(
        "{owner} is offline: the request is kept, and is sent again until {owner} is back, while \
         `cameo agent` runs here"
    )]
    OwnerOffline { owner: UserName, request: RequestId },
    #[error(
        "the carrier is damaged and its request is not in the home any more: ask {owner} to revoke \
         {}, then run this command again",
        short(.grant)
    )]
    RequestLost { owner: UserName, grant: GrantId },
    /// The owner has a grant to this user that this home does not have.
    #[error(
        "{owner} shares this image with you already (grant {}), but this home does not have it: \
         look on your other device, or ask {owner} to revoke it and make the request again",
        short(.grant)
    )]
    HeldElsewhere { owner: UserName, grant: GrantId },
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for RequestError {
    fn kind(&self) -> ErrorKind {
        match self {
            RequestError::OwnerOffline { .. } => ErrorKind::PeerOffline,
            RequestError::RequestLost { .. } | RequestError::HeldElsewhere { .. } => {
                ErrorKind::Other
            }
            RequestError::Directory(error) => error.kind(),
            RequestError::Peer(error) => error.kind(),
            RequestError::Statement(error) => error.kind(),
            RequestError::Vault(error) => error.kind(),
        }
    }
}
