//! Errors of `request`, for the whole command and for one image.

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

/// A command that requested nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("these are your own images; you have them")]
    OwnImages,
    #[error("at most {MAX_IMAGES} images can be requested at once")]
    TooManyImages,
    #[error("a note has at most {MAX_NOTE} bytes")]
    NoteTooLong,
    #[error(
        "no session with the cluster could be started in time; nothing was requested. Try again \
         later"
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

/// An image that was not received.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The first digits of an id, while the gallery cannot be listed.
    #[error(
        "{error}. '{text}' is not a whole id, so it needs the owner's gallery; a whole id can be \
         requested now"
    )]
    Unresolved {
        text: String,
        error: Arc<GalleryError>,
    },
    #[error("{owner} denied the request{}", reason_of(reason))]
    Denied { owner: UserName, reason: String },
    #[error(
        "{owner}'s agent could not make the carrier: ask {owner} to look at `cameo requests`, then \
         run this again"
    )]
    ShareFailed { owner: UserName, request: RequestId },
    #[error("the grant was removed from this home meanwhile")]
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
            // Nothing is stored for it, so it is not queued.
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
