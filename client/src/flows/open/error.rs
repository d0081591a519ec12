//! Errors of opening a photo.

use cameo_codec::RevealError;
use cameo_common::api::RESUME_WINDOW;
use cameo_common::ids::{ImageId, UserName};
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::VaultError;

/// A photo that could not be opened.
///
/// `CarrierMissing`, `BadCarrier`, `ForSomebodyElse` and `NotDealtAgain` precede the charge;
/// `NotReleased`, `TooFewHolders`, `Lapsed` and `Unstored` follow it, and their messages say so.
/// The other messages do not say whether a view was charged; one that was, or may have been, is
/// kept while it can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the carrier is missing from the home; no view was charged. Run `cameo request {owner} \
         {image}` to have it sent again"
    )]
    CarrierMissing { owner: UserName, image: ImageId },
    #[error(
        "{error}; no view was charged. Run `cameo request {owner} {image}` to have the carrier \
         sent again"
    )]
    BadCarrier {
        error: RevealError,
        owner: UserName,
        image: ImageId,
    },
    #[error(
        "the photo in this carrier is sealed to another user's key; no view was charged. Only that \
         user can open it"
    )]
    ForSomebodyElse,
    #[error("{0}")]
    Codec(String),
    /// The view was charged, and is kept while it can be resumed.
    #[error(
        "view {number} was charged, but the nodes do not release it ({why}). Until {} minutes \
         after the charge `cameo view` resumes it, without another charge",
        RESUME_WINDOW.as_secs() / 60
    )]
    NotReleased { number: u32, why: String },
    /// The view was charged, and is kept while it can be resumed.
    #[error(
        "view {number} was charged, and cannot be opened yet: of the nodes that the photo is dealt \
         to, {left} are left in the cluster, and {needed} are needed. {owner}'s agent has to deal \
         it again, which it does while it runs. Until {} minutes after the charge `cameo view` \
         resumes this view then, without another charge",
        RESUME_WINDOW.as_secs() / 60
    )]
    TooFewHolders {
        number: u32,
        owner: UserName,
        left: usize,
        needed: usize,
    },
    /// Before the charge.
    #[error(
        "the photo cannot be opened yet: of the nodes that it is dealt to, {left} are left in the \
         cluster, and {needed} are needed; no view was charged, and your views are not lost. \
         {owner}'s agent has to deal it again, which it does while it runs: tell {owner}, and run \
         `cameo view` again then"
    )]
    NotDealtAgain {
        owner: UserName,
        left: usize,
        needed: usize,
    },
    #[error(
        "view {number} was charged and is over: it cannot be resumed any more. Run `cameo view` \
         again to use another view"
    )]
    Lapsed { number: u32 },
    #[error(
        "the cluster answered with a deal of another grant; the view is kept. Run the command \
         again, and report this to the operator"
    )]
    ForeignDeal,
    /// The view was charged, and is kept while it can be resumed.
    #[error(
        "view {number} was charged, and this home could not store that: {error}. When that is \
         mended, `cameo view` resumes it, without another charge, until {} minutes after the \
         charge",
        RESUME_WINDOW.as_secs() / 60
    )]
    Unstored { number: u32, error: VaultError },
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Sealing(#[from] SealingError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for OpenError {
    fn kind(&self) -> ErrorKind {
        match self {
            OpenError::CarrierMissing { .. } => ErrorKind::NotFound,
            OpenError::ForSomebodyElse => ErrorKind::Refused,
            OpenError::TooFewHolders { .. } | OpenError::NotDealtAgain { .. } => {
                ErrorKind::ClusterAway
            }
            OpenError::BadCarrier { .. }
            | OpenError::Codec(_)
            | OpenError::NotReleased { .. }
            | OpenError::Lapsed { .. }
            | OpenError::ForeignDeal => ErrorKind::Other,
            OpenError::Cluster(error) => error.kind(),
            OpenError::Statement(error) => error.kind(),
            OpenError::Sealing(error) => error.kind(),
            OpenError::Unstored { error, .. } | OpenError::Vault(error) => error.kind(),
        }
    }
}
