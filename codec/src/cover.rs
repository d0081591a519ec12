//! Covers: the pictures that everyone sees.
//!
//! The default cover is a smooth enlargement of a thumbnail, of just the area that the payload
//! needs. It reveals no more of the photo than the thumbnail does. The smoother a cover, the
//! smaller its carrier.

use thiserror::Error;

use super::caption::Caption;
use super::decode::{DecodeError, Decoded, decode, decode_small, to_picture};
use super::hide::TooSmall;
use super::limits::{COVER_THUMBNAIL_EDGE, MAX_COVER_ASPECT};
use super::options::{DepthError, HideOptions};
use super::picture::Picture;
use super::scale;
use super::size::size_for;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CoverError {
    #[error("the cover cannot be used: {0}")]
    Picture(#[from] DecodeError),
    #[error(transparent)]
    Depth(#[from] DepthError),
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    #[error(
        "no cover can hold {0} bytes at this depth: use more low bits a sample, or a smaller photo"
    )]
    TooLong(usize),
}

/// The default cover: an enlarged thumbnail of `preview`, with a caption where there is room.
pub fn default_cover(
    preview: &Picture,
    caption: Option<&Caption>,
    payload_len: usize,
    options: &HideOptions,
) -> Result<Picture, CoverError> {
    options.check()?;
    let thumbnail = thumbnail(preview);
    let size = size_for(payload_len, shape(thumbnail.size()), options)
        .ok_or(CoverError::TooLong(payload_len))?;
    let mut cover = scale::enlarge(&thumbnail, size);
    if let Some(caption) = caption {
        caption.draw(&mut cover);
    }
    Ok(cover)
}

/// [`default_cover`] from a file of a preview or of any other picture.
pub fn default_cover_from_file(
    file: &[u8],
    caption: Option<&Caption>,
    payload_len: usize,
    options: &HideOptions,
) -> Result<Picture, CoverError> {
    // Twice the edge, so that the last reduction still filters.
    let small = upright(decode_small(file, 2 * COVER_THUMBNAIL_EDGE)?);
    default_cover(&small, caption, payload_len, options)
}

/// The owner's own picture as a cover: full size, upright, without metadata.
pub fn cover_from_picture(
    file: &[u8],
    payload_len: usize,
    options: &HideOptions,
) -> Result<Picture, CoverError> {
    options.check()?;
    let picture = upright(decode(file)?);
    TooSmall::check(picture.size(), payload_len, options)?;
    Ok(picture)
}

fn upright(mut decoded: Decoded) -> Picture {
    decoded.image.apply_orientation(decoded.orientation);
    to_picture(decoded.image).into_opaque()
}

fn thumbnail(preview: &Picture) -> Picture {
    let size = scale::fit(preview.size(), COVER_THUMBNAIL_EDGE);
    scale::shrink(preview, size).into_opaque()
}

/// Shape of the cover: extreme aspect ratios are reduced to [`MAX_COVER_ASPECT`].
fn shape((width, height): (u32, u32)) -> (u32, u32) {
    (
        width.min(height * MAX_COVER_ASPECT),
        height.min(width * MAX_COVER_ASPECT),
    )
}
