//! Reading: everything is bounded and checked before memory is taken or a sample believed.

use fdeflate::Decompressor;
use rayon::prelude::*;
use thiserror::Error;

use crate::limits::{MAX_CARRIER_BYTES, MAX_CARRIER_PIXELS, MAX_EDGE};
use crate::picture::{Channels, Picture};
use crate::stop::{self, Stop, Stopped};

use super::chunk::Chunks;
use super::filter::{self, Filter};
use super::stream;
use super::strip::{self, adler, join_adler};
use super::write::ZLIB_HEADER;

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
    Stopped(#[from] Stopped),
}

pub(super) const TRUNCATED: PngError = PngError::Damaged("its picture is cut short");
pub(super) const BAD_STREAM: PngError = PngError::Damaged("its picture cannot be decompressed");

/// DEFLATE expands by no more than this.
const MAX_EXPANSION: u64 = 1032;

/// Decodes an 8-bit RGB or RGBA PNG that is not interlaced.
pub fn read(png: &[u8]) -> Result<Picture, PngError> {
    read_unless(&stop::NEVER, png)
}

/// [`read`], given up soon after `stop` is asked.
pub(crate) fn read_unless(stop: &Stop, png: &[u8]) -> Result<Picture, PngError> {
    if png.len() > MAX_CARRIER_BYTES {
        return Err(PngError::TooLarge(png.len()));
    }
    let (head, idats) = parse(png)?;
    let deflated: usize = idats.iter().map(|idat| idat.len()).sum();
    if (deflated as u64).saturating_mul(MAX_EXPANSION) < head.raw_len() as u64 {
        return Err(TRUNCATED);
    }
    let samples = match read_strips(stop, &head, &idats) {
        Some(samples) => samples,
        None => stream::read(stop, &head, &idats)?,
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

    /// Filtered bytes; far below `usize::MAX` once the dimensions are checked.
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
            // A lower-case first letter marks what a reader may pass over (PNG, 5.4).
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

/// The reading at once of what our writer wrote. `None` when the chunks are not strips that stand alone, or
/// anything is wrong: then the stream is read in order, which also finds the right words for what is wrong.
fn read_strips(stop: &Stop, head: &Head, idats: &[&[u8]]) -> Option<Vec<u8>> {
    let rows = strip::rows(head.width, head.channels);
    if idats.len() < 2 || idats.len() != (head.height as usize).div_ceil(rows) {
        return None;
    }
    let (last, before) = idats.split_last()?;
    let (last, sum) = last.split_last_chunk::<4>()?;
    let mut bodies = before.to_vec();
    bodies.push(last);
    bodies[0] = bodies[0].strip_prefix(&ZLIB_HEADER)?;

    let mut samples = vec![0; head.row_bytes() * head.height as usize];
    let sums: Option<Vec<(u32, usize)>> = samples
        .par_chunks_mut(rows * head.row_bytes())
        .zip(bodies)
        .enumerate()
        .map(|(i, (samples, body))| {
            stop.check().ok()?;
            #[cfg(test)]
            crate::work::unit();
            read_strip(head, body, i + 1 == idats.len(), samples)
        })
        .collect();
    let joined = sums?
        .into_iter()
        .fold(1, |adler, (next, len)| join_adler(adler, next, len));
    (joined == u32::from_be_bytes(*sum)).then_some(samples)
}

/// A strip's Adler-32 and the number of its filtered bytes.
fn read_strip(head: &Head, body: &[u8], last: bool, samples: &mut [u8]) -> Option<(u32, usize)> {
    // What follows a strip: an empty last block, so that the stream ends where the strip does, and room for a
    // checksum, which is ours to check. The last strip ends its stream itself.
    const END: [u8; 9] = [1, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    let end = if last { &END[5..] } else { &END };
    let row_bytes = head.row_bytes();
    let len = samples.len() / row_bytes * (row_bytes + 1);
    let mut filtered = vec![0; len + 1];
    let mut inflate = Decompressor::new();
    inflate.ignore_adler32();
    let body = [&ZLIB_HEADER, body].concat();
    let (_, written) = inflate.read(&body, &mut filtered, 0, false).ok()?;
    if inflate.is_done() || written != len {
        return None;
    }
    let (_, written) = inflate.read(end, &mut filtered, len, true).ok()?;
    if !inflate.is_done() || written != 0 {
        return None;
    }
    filtered.truncate(len);
    let mut above: Option<&mut [u8]> = None;
    for (raw, row) in filtered
        .chunks_exact(row_bytes + 1)
        .zip(samples.chunks_exact_mut(row_bytes))
    {
        let filter = Filter::from_byte(raw[0])?;
        row.copy_from_slice(&raw[1..]);
        match above {
            Some(above) => filter::undo(head.channels, filter, row, above),
            None if filter.stands_alone() => filter::undo(head.channels, filter, row, &raw[1..]),
            None => return None,
        }
        above = Some(row);
    }
    Some((adler(&filtered), filtered.len()))
}
