//! The PNG decoder: sizes and structure are checked before memory is allocated.

use crate::cancel::{self, CancelToken};
use crate::limits::MAX_CARRIER_BYTES;
use crate::picture::Picture;

use super::chunk::Chunks;
use super::error::{PngError, TRUNCATED};
use super::header::{Head, header};
use super::{stream, strips};

/// Largest expansion of DEFLATE.
const MAX_EXPANSION: u64 = 1032;

/// Decodes an 8-bit RGB or RGBA PNG that is not interlaced.
pub fn read(png: &[u8]) -> Result<Picture, PngError> {
    read_cancellable(&cancel::NEVER, png)
}

/// [`read`], ended soon after a cancellation.
pub(crate) fn read_cancellable(cancel: &CancelToken, png: &[u8]) -> Result<Picture, PngError> {
    if png.len() > MAX_CARRIER_BYTES {
        return Err(PngError::TooLarge(png.len()));
    }
    let (head, idats) = parse(png)?;
    let deflated: usize = idats.iter().map(|idat| idat.len()).sum();
    if (deflated as u64).saturating_mul(MAX_EXPANSION) < head.raw_len() as u64 {
        return Err(TRUNCATED);
    }
    let samples = match strips::read(cancel, &head, &idats) {
        Some(samples) => samples,
        None => stream::read(cancel, &head, &idats)?,
    };
    Picture::new(head.width, head.height, head.channels, samples).ok_or(TRUNCATED)
}

fn parse(png: &[u8]) -> Result<(Head, Vec<&[u8]>), PngError> {
    let mut chunks = Chunks::new(png)?;
    let head = header(&mut chunks)?;
    let mut idats = Vec::new();
    let mut idats_ended = false;
    while let Some(chunk) = chunks.next()? {
        match &chunk.name {
            b"IDAT" if idats_ended => return Err(PngError::Damaged("its picture is in pieces")),
            b"IDAT" => idats.push(chunk.data),
            b"IHDR" => return Err(PngError::Damaged("it has two headers")),
            b"PLTE" | b"IEND" => {}
            // A lower-case first letter marks an ancillary chunk (PNG, 5.4).
            [first, ..] if first.is_ascii_lowercase() => {}
            _ => {
                return Err(PngError::Damaged(
                    "it has a chunk that no reader may pass over",
                ));
            }
        }
        idats_ended |= !idats.is_empty() && &chunk.name != b"IDAT";
    }
    Ok((head, idats))
}
