//! The owner's verb: a worker is believed when its carrier is the one that was asked for, and nothing else.

use thiserror::Error;

use super::hide::{HideError, embed};
use super::key::CodecKey;
use super::options::HideOptions;
use super::png::{self, PngError};
use super::reveal::{RevealError, extract};

/// What is wrong with a carrier that another has made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    #[error(transparent)]
    Unreadable(#[from] PngError),
    /// Chunks that tell something, or bytes behind the picture: they could mark who gets it.
    #[error("it has more in it than a picture")]
    MoreInIt,
    #[error("what is hidden does not come back: {0}")]
    Lost(#[from] RevealError),
    #[error("something else is hidden in it")]
    OtherPayload,
    #[error("it is not the cover that it was to be made of")]
    OtherPicture,
    #[error(transparent)]
    CannotBeMade(#[from] HideError),
}

/// Whether `png` is what [`hide`](super::hide()) makes of the same arguments, to the last sample.
///
/// How its stream is packed is left open, so that nodes and clients of different versions can work together.
pub fn check(
    png: &[u8],
    cover_png: &[u8],
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<(), CheckError> {
    let carrier = png::read(png)?;
    if !png::is_bare(png) {
        return Err(CheckError::MoreInIt);
    }
    if extract(&carrier, key)? != payload {
        return Err(CheckError::OtherPayload);
    }
    let cover = png::read(cover_png).map_err(HideError::Cover)?;
    if embed(cover, payload, key, options)? != carrier {
        return Err(CheckError::OtherPicture);
    }
    Ok(())
}
