//! Sequential decoding of any encoder's stream, with inflating and unfiltering in parallel.
//!
//! A stream can only be inflated from its beginning, and a row only unfiltered after the one above
//! it. While the rows of one part are unfiltered, the next part is inflated. Memory beside the
//! samples is two parts.

use fdeflate::Decompressor;

use crate::cancel::CancelToken;

use super::error::{BAD_STREAM, PngError, TRUNCATED};
use super::filter::{self, Filter};
use super::header::Head;

/// Largest distance of a back reference (RFC 1951, 2).
const WINDOW: usize = 32 << 10;

/// Filtered bytes in a part, approximately. They stay in a core's L2 cache.
const PART_BYTES: usize = 512 << 10;

const BAD_FILTER: PngError = PngError::Damaged("a row has an unknown filter");
const TOO_LONG: PngError = PngError::Damaged("its picture is longer than its header says");

/// Decodes the picture whose stream is split over `idats`.
pub(super) fn read(
    cancel: &CancelToken,
    head: &Head,
    idats: &[&[u8]],
) -> Result<Vec<u8>, PngError> {
    let row_bytes = head.row_bytes();
    let rows = (PART_BYTES / (row_bytes + 1)).max(1);
    let filtered = |samples: usize| samples / row_bytes * (row_bytes + 1);
    let mut stream = Stream::new(idats);
    let mut samples = vec![0; row_bytes * head.height as usize];
    let mut above = vec![0; row_bytes];
    let mut parts = samples.chunks_mut(rows * row_bytes).peekable();
    let (mut ready, mut next) = (Part::default(), Part::default());
    if let Some(first) = parts.peek() {
        stream.part(&Part::default(), filtered(first.len()), &mut ready)?;
    }
    while let Some(samples) = parts.next() {
        cancel.check()?;
        #[cfg(test)]
        crate::work::unit();
        let len = parts.peek().map_or(0, |next| filtered(next.len()));
        let (unfiltered, inflated) = rayon::join(
            || unfilter(head, &ready, samples, &mut above),
            || stream.part(&ready, len, &mut next),
        );
        unfiltered?;
        inflated?;
        std::mem::swap(&mut ready, &mut next);
    }
    stream.end(&ready)?;
    Ok(samples)
}

/// Inflated bytes, preceded by the window that the next ones may refer to.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    begins: usize,
}

struct Stream<'a> {
    inflate: Decompressor,
    input: &'a [u8],
    rest: &'a [&'a [u8]],
}

impl<'a> Stream<'a> {
    fn new(idats: &'a [&'a [u8]]) -> Self {
        Stream {
            inflate: Decompressor::new(),
            input: &[],
            rest: idats,
        }
    }

    /// Inflates the next `len` bytes.
    fn part(&mut self, before: &Part, len: usize, part: &mut Part) -> Result<(), PngError> {
        if self.inflate(before, len, part)? < len {
            return Err(TRUNCATED);
        }
        Ok(())
    }

    /// Checks that the stream has ended and its checksum is right.
    fn end(&mut self, before: &Part) -> Result<(), PngError> {
        match self.inflate(before, 1, &mut Part::default())? {
            0 if self.inflate.is_done() => Ok(()),
            0 => Err(TRUNCATED),
            _ => Err(TOO_LONG),
        }
    }

    /// Inflates at most `len` more bytes into `part`. Returns their number.
    fn inflate(&mut self, before: &Part, len: usize, part: &mut Part) -> Result<usize, PngError> {
        let window = &before.bytes[before.bytes.len().saturating_sub(WINDOW)..];
        let bytes = &mut part.bytes;
        part.begins = window.len();
        bytes.resize(part.begins + len, 0);
        bytes[..part.begins].copy_from_slice(window);
        let mut at = part.begins;
        while at < bytes.len() && !self.inflate.is_done() {
            if self.input.is_empty()
                && let Some((next, rest)) = self.rest.split_first()
            {
                (self.input, self.rest) = (next, rest);
            }
            // Without input too: earlier input may inflate to more than the last part had room for.
            let (read, written) = self
                .inflate
                .read(self.input, bytes, at, self.rest.is_empty())
                .map_err(|_| BAD_STREAM)?;
            self.input = &self.input[read..];
            at += written;
        }
        Ok(at - part.begins)
    }
}

/// Undoes the filters of whole rows. `above` is the row before them, and afterwards the last of
/// them.
fn unfilter(
    head: &Head,
    part: &Part,
    samples: &mut [u8],
    above: &mut Vec<u8>,
) -> Result<(), PngError> {
    let row_bytes = head.row_bytes();
    let mut before: &[u8] = above;
    for (raw, row) in part.bytes[part.begins..]
        .chunks_exact(row_bytes + 1)
        .zip(samples.chunks_exact_mut(row_bytes))
    {
        let filter = Filter::from_byte(raw[0]).ok_or(BAD_FILTER)?;
        row.copy_from_slice(&raw[1..]);
        filter::undo(head.channels, filter, row, before);
        before = row;
    }
    *above = before.to_vec();
    Ok(())
}
