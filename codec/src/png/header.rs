//! The IHDR chunk: size, channels, and refusal of unsupported kinds of PNG.

use crate::limits::{MAX_CARRIER_PIXELS, MAX_EDGE};
use crate::picture::Channels;

use super::chunk::Chunks;
use super::error::PngError;

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
    pub(super) fn raw_len(&self) -> usize {
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

/// Reads the first chunk, which must be IHDR.
pub(super) fn header(chunks: &mut Chunks<'_>) -> Result<Head, PngError> {
    match chunks.next()? {
        Some(chunk) if &chunk.name == b"IHDR" => Head::parse(chunk.data),
        _ => Err(PngError::Damaged("its header is missing")),
    }
}
