//! Sealed photos, which open only with the viewer's key *and* parts of t of the cluster's nodes.
//!
//! content key = HKDF(viewer share, cluster share). The viewer share is sealed to the viewer inside
//! the payload; the cluster share is dealt over the nodes, which release their parts for each view.
//! No code outside this folder handles a photo's content key.

mod content;
mod deal;
mod hpke;
mod part;
mod payload;

pub use content::{SHARE_LENGTH, Share};
pub use deal::{Dealing, combine, deal};
pub use part::{PartContext, ReleaseContext, ReleasedPart, open_part, open_release, release_part};
pub use payload::{Opened, PhotoInfo, SealedPhoto, open_photo, open_viewer_share, seal_photo};

/// The reason why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    #[error("these bytes are not a sealed photo of a layout that this program knows")]
    UnknownLayout,
    #[error("the sealed photo is damaged, or is not the one that its manifest names")]
    Damaged,
    #[error("this was sealed to another key")]
    WrongKey,
    #[error("the part is not the one that was dealt")]
    WrongPart,
    #[error("too few parts: {have} of {need}")]
    TooFewParts { have: usize, need: usize },
    #[error("a share can be dealt to 1 to 255 nodes")]
    BadDeal,
}
