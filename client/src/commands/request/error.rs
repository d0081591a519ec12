//! Why nothing was asked for, or one image does not come.

use std::sync::Arc;

use cameo_common::ids::{RequestId, UserName};
use cameo_common::peer::MAX_NOTE;

use super::MAX_IMAGES;
use crate::agent::AgentError;
use crate::commands::error::PeersError;
use crate::directory::DirectoryError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::LedgerError;
use crate::flows::gallery::GalleryError;
use crate::flows::request::RequestError;
use crate::peer::PeerError;
use crate::text::prefix::PrefixError;
use crate::vault::{LocalError, VaultError};

/// Why nothing was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("these are your own images; you have them")]
    OwnImages,
    #[error("ask for at most {MAX_IMAGES} images at once")]
    TooManyImages,
    #[error("a note has at most {MAX_NOTE} bytes")]
    NoteTooLong,
    #[error(
        "this device could not be announced to the cluster in time; try again when more nodes run"
    )]
    NotAnnounced,
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::OwnImages | Error::TooManyImages | Error::NoteTooLong => ErrorKind::Usage,
            Error::NotAnnounced => ErrorKind::ClusterAway,
            Error::Agent(error) => error.kind(),
            Error::Directory(error) => error.kind(),
            Error::Peers(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

/// Why one image does not come.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A name whose image only the gallery tells, and that did not.
    #[error(
        "{error}. '{text}' is not a whole id, and which image it begins only the gallery tells; a whole id can be asked for now"
    )]
    Unresolved {
        text: String,
        error: Arc<GalleryError>,
    },
    #[error("{owner} says no{}", reason_of(reason))]
    Denied { owner: UserName, reason: String },
    #[error(
        "{owner}'s agent could not make the carrier: ask {owner} to look at `cameo requests`, then run this again"
    )]
    ShareFailed { owner: UserName, request: RequestId },
    #[error("the grant has just gone")]
    Gone,
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl From<VaultError> for ImageError {
    fn from(error: VaultError) -> Self {
        LocalError::from(error).into()
    }
}

fn reason_of(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

impl Classified for ImageError {
    fn kind(&self) -> ErrorKind {
        match self {
            // Of this one nothing is kept that could be asked later.
            ImageError::Unresolved { error, .. } => match error.kind() {
                ErrorKind::PeerOffline => ErrorKind::Other,
                kind => kind,
            },
            ImageError::Denied { .. } => ErrorKind::Refused,
            ImageError::ShareFailed { .. } | ImageError::Gone => ErrorKind::Other,
            ImageError::Prefix(error) => error.kind(),
            ImageError::Request(error) => error.kind(),
            ImageError::Peer(error) => error.kind(),
            ImageError::Ledger(error) => error.kind(),
            ImageError::Local(error) => error.kind(),
        }
    }
}
