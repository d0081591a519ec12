//! Check of a worker's carrier by the owner: it must be the requested one and contain nothing else.

use thiserror::Error;

use super::hide::{HideError, embed};
use super::key::CodecKey;
use super::options::HideOptions;
use super::png::{self, PngError};
use super::reveal::{RevealError, extract};

/// Defect of a carrier made by a worker.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    #[error(transparent)]
    Unreadable(#[from] PngError),
    /// Ancillary chunks, or bytes after the picture: they could mark the recipient.
    #[error("the file contains more than a picture")]
    ExtraData,
    #[error("the payload cannot be extracted: {0}")]
    Lost(#[from] RevealError),
    #[error("another payload is hidden in it")]
    OtherPayload,
    #[error("its picture is not the requested cover")]
    OtherPicture,
    #[error(transparent)]
    Hide(#[from] HideError),
}

/// Checks that `png` has exactly the samples that [`hide`](super::hide()) makes of the same
/// arguments.
///
/// The compression may differ, so that nodes and clients of different versions can work together.
pub fn check(
    png: &[u8],
    cover_png: &[u8],
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<(), CheckError> {
    let carrier = png::read(png)?;
    if !png::is_bare(png) {
        return Err(CheckError::ExtraData);
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
