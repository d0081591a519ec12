//! The worker's verb: a cover and a payload become a carrier.

use thiserror::Error;

use super::key::CodecKey;
use super::limits::MAX_PAYLOAD_BYTES;
use super::options::{Codec, DepthError, HideOptions};
use super::picture::Picture;
use super::png::{self, PngError};
use super::size::{capacity, pixels_for, size_for};
use super::{alpha, veil};

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HideError {
    #[error("the cover cannot be used: {0}")]
    Cover(#[from] PngError),
    #[error(transparent)]
    Depth(#[from] DepthError),
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    #[error("the payload has {0} bytes; at most {MAX_PAYLOAD_BYTES} can be hidden")]
    TooLong(usize),
}

/// A cover that does not hold the payload, and the size that would.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the cover is too small: {width}x{height} pixels hold {capacity} bytes of {payload}; {}", self.advice())]
pub struct TooSmall {
    pub width: u32,
    pub height: u32,
    /// Bytes that this cover holds.
    pub capacity: u64,
    /// Bytes that it has to hold.
    pub payload: u64,
    /// A size of the same shape that would do, where there is one within the limits.
    pub enough: Option<(u32, u32)>,
}

impl TooSmall {
    pub(super) fn check(
        (width, height): (u32, u32),
        payload: usize,
        options: &HideOptions,
    ) -> Result<(), TooSmall> {
        if pixels_for(payload, options) <= u64::from(width) * u64::from(height) {
            return Ok(());
        }
        Err(TooSmall {
            width,
            height,
            capacity: capacity(width, height, options),
            payload: payload as u64,
            enough: size_for(payload, (width, height), options),
        })
    }

    fn advice(&self) -> String {
        match self.enough {
            Some((width, height)) => format!("{width}x{height} would do"),
            None => "use more low bits a sample, or a smaller photo".into(),
        }
    }
}

/// Hides `payload` in the picture `cover_png` and returns the carrier's PNG: RGB, or RGBA from `alpha`.
///
/// The same arguments always give the same bytes. A translucent cover is laid over white.
pub fn hide(
    cover_png: &[u8],
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<Vec<u8>, HideError> {
    check(payload, options)?;
    let carrier = embed(png::read(cover_png)?, payload, key, options)?;
    Ok(png::write(&carrier))
}

/// [`hide`] between the reading and the writing of the PNG: in place where the codec permits it.
pub fn embed(
    cover: Picture,
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<Picture, HideError> {
    check(payload, options)?;
    let mut picture = cover.into_opaque();
    TooSmall::check(picture.size(), payload.len(), options)?;
    match options.codec {
        Codec::Veil => veil::embed(&mut picture, payload, key, options.depth),
        Codec::Alpha => picture = alpha::embed(picture, payload, key),
    }
    Ok(picture)
}

fn check(payload: &[u8], options: &HideOptions) -> Result<(), HideError> {
    options.check()?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(HideError::TooLong(payload.len()));
    }
    Ok(())
}
