//! Why a photo does not open.

use cameo_codec::RevealError;
use cameo_common::ids::{ImageId, UserName};
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::VaultError;

/// Why a carrier is not read, or a view not taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the carrier is missing from the home: nothing was charged; `cameo request {owner} {image}` has it sent again"
    )]
    CarrierMissing { owner: UserName, image: ImageId },
    #[error("{error}: nothing was charged; `cameo request {owner} {image}` has it sent again")]
    BadCarrier {
        error: RevealError,
        owner: UserName,
        image: ImageId,
    },
    #[error(
        "the photo in this carrier is sealed to another person's key: nothing was charged, and only that person can open it"
    )]
    ForSomebodyElse,
    #[error("{0}")]
    Codec(String),
    /// Charged, and kept for as long as it can be taken up.
    #[error(
        "view {number} was charged, but the nodes do not release it ({why}): it is kept; run `cameo view` again in a moment, it is not charged twice"
    )]
    NotReleased { number: u32, why: String },
    #[error(
        "view {number} was charged but not shown in time, and cannot be taken up any more; run `cameo view` again to use another one"
    )]
    Lapsed { number: u32 },
    #[error(
        "the cluster answered with a deal of another grant: nothing is lost; run it again, and have the nodes looked at"
    )]
    ForeignDeal,
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
            OpenError::BadCarrier { .. }
            | OpenError::Codec(_)
            | OpenError::NotReleased { .. }
            | OpenError::Lapsed { .. }
            | OpenError::ForeignDeal => ErrorKind::Other,
            OpenError::Cluster(error) => error.kind(),
            OpenError::Statement(error) => error.kind(),
            OpenError::Sealing(error) => error.kind(),
            OpenError::Vault(error) => error.kind(),
        }
    }
}
