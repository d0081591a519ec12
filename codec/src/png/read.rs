//! The PNG decoder: sizes and structure are checked before memory is allocated.

use thiserror::Error;

use crate::cancel::{self, CancelToken, Cancelled};
use crate::limits::{MAX_CARRIER_BYTES, MAX_CARRIER_PIXELS, MAX_EDGE};
use crate::picture::{Channels, Picture};

use super::chunk::Chunks;
use super::{stream, strips};

/// Why a file is no PNG that can be a cover or a carrier.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PngError {
    #[error("this is not a PNG file")]
    NotPng,
    #[error("the PNG is damaged: {0}; fetch or save it again")]
    Damaged(&'static str),
    #[error("the PNG is {0}; save it as plain 8-bit RGB or RGBA")]
    Unsupported(&'static str),
    #[error(
        "the PNG says it is {width}x{height} pixels; at most {MAX_EDGE} an edge and {MAX_CARRIER_PIXELS} in all are read"
    )]
    Dimensions { width: u32, height: u32 },
    #[error("the PNG has {0} bytes; at most {MAX_CARRIER_BYTES} are read")]
    TooLarge(usize),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

pub(super) const TRUNCATED: PngError = PngError::Damaged("its picture is cut short");
pub(super) const BAD_STREAM: PngError = PngError::Damaged("its picture cannot be decompressed");

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

/// Width, height and channels, from the header alone.
pub(crate) fn size(png: &[u8]) -> Result<(u32, u32, Channels), PngError> {
    let head = header(&mut Chunks::new(png)?)?;
    Ok((head.width, head.height, head.channels))
}

pub(super) struct Head {
    pub width: u32,
    pub height: u32,
    pub channels: Channels,
}

impl Head {
    pub(super) fn row_bytes(&self) -> usize {
        self.width as usize * self.channels.count()
    }

    /// Length of the filtered rows; far below `usize::MAX` once the dimensions are checked.
    fn raw_len(&self) -> usize {
        (self.row_bytes() + 1) * self.height as usize
    }

    fn parse(data: &[u8]) -> Result<Head, PngError> {
        let data: &[u8; 13] = data
            .try_into()
            .map_err(|_| PngError::Damaged("its header has a wrong length"))?;
        let width = u32::from_be_bytes([data[0], data[1], data[2], data[3]]);
        let height = u32::from_be_bytes([data[4], data[5], data[6], data[7]]);
        let [depth, colour, compression, filter, interlace] =
            [data[8], data[9], data[10], data[11], data[12]];
        let edges = 1..=MAX_EDGE;
        if !edges.contains(&width)
            || !edges.contains(&height)
            || u64::from(width) * u64::from(height) > MAX_CARRIER_PIXELS
        {
            return Err(PngError::Dimensions { width, height });
        }
        if compression != 0 || filter != 0 {
            return Err(PngError::Damaged("its header names an unknown method"));
        }
        let channels = match (depth, colour) {
            (8, 2) => Channels::Rgb,
            (8, 6) => Channels::Rgba,
            (_, 0 | 4) => return Err(PngError::Unsupported("grey")),
            (_, 3) => return Err(PngError::Unsupported("palette-based")),
            (16, 2 | 6) => return Err(PngError::Unsupported("16 bits deep")),
            _ => return Err(PngError::Damaged("its header names an unknown colour type")),
        };
        match interlace {
            0 => Ok(Head {
                width,
                height,
                channels,
            }),
            1 => Err(PngError::Unsupported("interlaced")),
            _ => Err(PngError::Damaged("its header names an unknown interlacing")),
        }
    }
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

fn header(chunks: &mut Chunks<'_>) -> Result<Head, PngError> {
    match chunks.next()? {
        Some(chunk) if &chunk.name == b"IHDR" => Head::parse(chunk.data),
        _ => Err(PngError::Damaged("its header is missing")),
    }
}
