//! PNG framing: signature, chunks, CRC.

use std::io::{self, Write};

use crate::limits::MAX_PNG_CHUNKS;

use super::error::PngError;

pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// A chunk's length is below 2^31 (PNG, 5.3).
const MAX_CHUNK_BYTES: u32 = (1 << 31) - 1;

pub(super) struct Chunk<'a> {
    pub name: [u8; 4],
    pub data: &'a [u8],
}

/// Iterator over the chunks up to and including IEND. Checks each CRC.
pub(super) struct Chunks<'a> {
    rest: &'a [u8],
    left: usize,
    ended: bool,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(png: &'a [u8]) -> Result<Self, PngError> {
        let rest = png.strip_prefix(&SIGNATURE).ok_or(PngError::NotPng)?;
        Ok(Chunks {
            rest,
            left: MAX_PNG_CHUNKS,
            ended: false,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Chunk<'a>>, PngError> {
        if self.ended {
            return Ok(None);
        }
        if self.left == 0 {
            return Err(PngError::Damaged("it has too many chunks"));
        }
        self.left -= 1;
        let truncated = PngError::Damaged("it is cut short");
        let (length, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or(truncated.clone())?;
        let length = u32::from_be_bytes(*length);
        if length > MAX_CHUNK_BYTES {
            return Err(PngError::Damaged("a chunk has an impossible length"));
        }
        let length = length as usize;
        if rest.len() < length + 8 {
            return Err(truncated);
        }
        let (body, rest) = rest.split_at(4 + length);
        let (crc, rest) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
            return Err(PngError::Damaged("a checksum is wrong"));
        }
        let (name, data) = body.split_first_chunk::<4>().ok_or(PngError::NotPng)?;
        self.rest = rest;
        self.ended = name == b"IEND";
        Ok(Some(Chunk { name: *name, data }))
    }
}

/// Whether the file consists of the chunks that our writer makes, with nothing else before or after
/// them.
pub fn is_bare(png: &[u8]) -> bool {
    let Ok(mut chunks) = Chunks::new(png) else {
        return false;
    };
    let bare = |chunk: &Chunk<'_>| match &chunk.name {
        b"IHDR" | b"IDAT" => true,
        b"IEND" => chunk.data.is_empty(),
        _ => false,
    };
    while let Ok(Some(chunk)) = chunks.next() {
        if !bare(&chunk) {
            return false;
        }
    }
    chunks.ended && chunks.rest.is_empty()
}

/// Writes a chunk whose data comes in pieces.
pub(super) fn write(out: &mut impl Write, name: &[u8; 4], pieces: &[&[u8]]) -> io::Result<()> {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert!(length <= MAX_CHUNK_BYTES as usize, "strips are far smaller");
    out.write_all(&(length as u32).to_be_bytes())?;
    out.write_all(name)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(name);
    for piece in pieces {
        crc.update(piece);
        out.write_all(piece)?;
    }
    out.write_all(&crc.finalize().to_be_bytes())
}
