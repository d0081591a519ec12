//! Making of a carrier from a cover and a payload.

use std::io::Write;

use thiserror::Error;

use super::cancel::{self, CancelToken, Cancelled};
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
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the carrier cannot be written: {0}")]
    Write(String),
}

/// A cover that does not hold the payload, and the size that would.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the cover is too small: {width}x{height} pixels hold {capacity} bytes of {payload}; {}",
    self.advice()
)]
pub struct TooSmall {
    pub width: u32,
    pub height: u32,
    /// Payload bytes that this cover holds.
    pub capacity: u64,
    /// Payload bytes that it has to hold.
    pub payload: u64,
    /// A size of the same shape that is large enough, if there is one within the limits.
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

/// Hides `payload` in the picture `cover_png` and returns the carrier's PNG: RGB, or RGBA from
/// `alpha`.
///
/// The same arguments always give the same bytes. A translucent cover is blended over white.
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

/// [`hide()`] for a worker: ended soon after a cancellation, and written to `out` a few strips at a
/// time while the next ones are compressed. After an error, `out` has no valid picture.
///
/// Fails as [`hide()`], when cancelled, and when `out` fails.
pub fn hide_to(
    cover_png: &[u8],
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
    cancel: &CancelToken,
    out: &mut impl Write,
) -> Result<(), HideError> {
    check(payload, options)?;
    let cover = png::read_cancellable(cancel, cover_png);
    cancel.check()?;
    let carrier = embed_cancellable(cancel, cover?, payload, key, options)?;
    let written = png::write_cancellable(cancel, &carrier, out);
    cancel.check()?;
    written.map_err(|error| HideError::Write(error.to_string()))
}

/// [`hide`] for a decoded cover; works in place where the codec permits it.
pub fn embed(
    cover: Picture,
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<Picture, HideError> {
    embed_cancellable(&cancel::NEVER, cover, payload, key, options)
}

fn embed_cancellable(
    cancel: &CancelToken,
    cover: Picture,
    payload: &[u8],
    key: &CodecKey,
    options: &HideOptions,
) -> Result<Picture, HideError> {
    check(payload, options)?;
    let mut picture = cover.into_opaque();
    TooSmall::check(picture.size(), payload.len(), options)?;
    cancel.check()?;
    match options.codec {
        Codec::Veil => veil::embed(cancel, &mut picture, payload, key, options.depth),
        // The `steganography` crate cannot be interrupted.
        Codec::Alpha => picture = alpha::embed(picture, payload, key),
    }
    cancel.check()?;
    Ok(picture)
}

fn check(payload: &[u8], options: &HideOptions) -> Result<(), HideError> {
    options.check()?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(HideError::TooLong(payload.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::picture::Channels;
    use super::super::work;
    use super::*;

    const SIZE: (u32, u32) = (900, 700);

    fn cover() -> Picture {
        let samples = (0..SIZE.0 * SIZE.1 * 3).map(|i| ((i * i) >> 7) as u8);
        Picture::new(SIZE.0, SIZE.1, Channels::Rgb, samples.collect()).unwrap()
    }

    /// A PNG that is read sequentially.
    fn foreign(picture: &Picture) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut file, SIZE.0, SIZE.1);
        encoder.set_color(::png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(picture.samples()).unwrap();
        writer.finish().unwrap();
        file
    }

    #[test]
    fn a_cancelled_job_does_not_begin_another_unit_of_work() {
        // One thread, so that the units have an order; covers that are read in parallel and
        // sequentially.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
        let pool = pool.build().unwrap();
        let key = CodecKey::from_bytes([7; 32]);
        for (cover, options) in [
            (png::write(&cover()), HideOptions::default()),
            (foreign(&cover()), HideOptions::veil(1)),
            (png::write(&cover()), HideOptions::alpha()),
        ] {
            let hide_until = |after| {
                pool.install(|| {
                    let mut out = Vec::new();
                    let hide = |cancel: &CancelToken| {
                        hide_to(&cover, &[5; 9000], &key, &options, cancel, &mut out)
                    };
                    let (ended, units) = work::cancelled(after, hide);
                    (ended, units, out.len())
                })
            };
            let (ended, all, written) = hide_until(usize::MAX);
            assert_eq!(ended, Ok(()));
            assert!(all > 20, "{all} units are too few for this test");
            for after in 1..=all {
                // The unit in which it was cancelled is the last one.
                let (ended, units, so_far) = hide_until(after);
                assert_eq!(
                    (ended, units),
                    (Err(HideError::Cancelled(Cancelled)), after)
                );
                assert!(so_far < written || after == all);
            }
        }
    }

    #[test]
    fn writing_strip_by_strip_gives_the_same_bytes() {
        let (cover, key) = (png::write(&cover()), CodecKey::from_bytes([7; 32]));
        let options = HideOptions::default();
        let mut out = Vec::new();
        hide_to(
            &cover,
            b"payload",
            &key,
            &options,
            &CancelToken::new(),
            &mut out,
        )
        .unwrap();
        assert_eq!(out, hide(&cover, b"payload", &key, &options).unwrap());
    }

    #[test]
    fn a_closed_sink_ends_the_job() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (cover, key) = (png::write(&cover()), CodecKey::from_bytes([7; 32]));
        let options = HideOptions::default();
        let ended = hide_to(
            &cover,
            b"payload",
            &key,
            &options,
            &CancelToken::new(),
            &mut Closed,
        );
        assert!(matches!(ended, Err(HideError::Write(_))));
    }
}
