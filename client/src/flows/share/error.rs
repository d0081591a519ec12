//! Errors of sharing a photo.

use cameo_codec::CoverError;
use cameo_common::ids::{GrantId, UserName};
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::directory::DirectoryError;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::PeerError;
use crate::text::prefix::short;
use crate::vault::VaultError;

/// A stage that failed.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    #[error("there is no such request; `cameo requests` lists them")]
    NoSuchRequest,
    #[error("there is no such grant of yours; `cameo shared` lists them")]
    NoSuchGrant,
    #[error("the image is not in the gallery any more")]
    NoSuchImage,
    #[error("this request is for more views, not for a photo")]
    NotAPhoto,
    #[error("this request is not approved; `cameo requests` shows its state")]
    NotApproved,
    /// The agent has tried the request and given it up.
    #[error("the carrier could not be made ({why}); when that is fixed, approve the request again")]
    FailedBefore { why: String },
    #[error(
        "{viewer} has this image already (grant {0}): deny this request, or first end that grant \
         with `cameo revoke {0}`",
        short(.grant)
    )]
    GrantExists { viewer: UserName, grant: GrantId },
    #[error("{0} has another key than the one of this request; deny it")]
    RequestKeyChanged(UserName),
    #[error("{0} has another key than the one of this grant")]
    GrantKeyChanged(UserName),
    #[error("the {what} of '{title}' is missing from the home; add the file again")]
    Missing { what: &'static str, title: String },
    #[error("the photo of '{0}' has changed on disk; add the file again")]
    Damaged(String),
    #[error("the caption of '{title}' cannot be drawn: {why}")]
    Caption { title: String, why: String },
    #[error(transparent)]
    Cover(#[from] CoverError),
    #[error("{0}")]
    SealingStopped(String),
    #[error("{0} is offline; it is sent when {0}'s agent runs")]
    ViewerOffline(UserName),
    #[error("{0}'s receipt is for another carrier; the carrier will be sent again")]
    BadReceipt(UserName),
    #[error("the viewer has not signed a receipt yet")]
    NoReceipt,
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Sealing(#[from] SealingError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for ShareError {
    fn kind(&self) -> ErrorKind {
        match self {
            ShareError::NoSuchRequest
            | ShareError::NoSuchGrant
            | ShareError::NoSuchImage
            | ShareError::Missing { .. } => ErrorKind::NotFound,
            ShareError::NotAPhoto
            | ShareError::GrantExists { .. }
            | ShareError::Damaged(_)
            | ShareError::Cover(_) => ErrorKind::Hopeless,
            ShareError::RequestKeyChanged(_) | ShareError::GrantKeyChanged(_) => {
                ErrorKind::IdentityChanged
            }
            ShareError::ViewerOffline(_) => ErrorKind::PeerOffline,
            ShareError::NotApproved
            | ShareError::FailedBefore { .. }
            | ShareError::Caption { .. }
            | ShareError::SealingStopped(_)
            | ShareError::BadReceipt(_)
            | ShareError::NoReceipt => ErrorKind::Other,
            ShareError::Place(error) => error.kind(),
            ShareError::Cluster(error) => error.kind(),
            ShareError::Directory(error) => error.kind(),
            ShareError::Peer(error) => error.kind(),
            ShareError::Statement(error) => error.kind(),
            ShareError::Sealing(error) => error.kind(),
            ShareError::Vault(error) => error.kind(),
        }
    }
}

/// A photo that no worker has hidden.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Workers failed.
    #[error("no worker could hide the photo ({0}); nothing was shared. Try again later")]
    NoWorker(String),
    /// All workers were busy. This says nothing about the photo.
    #[error("every worker is busy ({0}); nothing was shared. Try again later")]
    Busy(String),
    #[error("{0}")]
    Codec(String),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl Classified for PlaceError {
    fn kind(&self) -> ErrorKind {
        match self {
            PlaceError::NoWorker(_) => ErrorKind::NoWorker,
            PlaceError::Busy(_) => ErrorKind::Busy,
            PlaceError::Codec(_) => ErrorKind::Other,
            PlaceError::Cluster(error) => error.kind(),
        }
    }
}
