//! The PNG encoder: strips are filtered and compressed on all threads of the current pool.

use std::io::{self, Write};

use rayon::prelude::*;

use crate::cancel::{self, CancelToken, Cancelled};
use crate::picture::{Channels, Picture};

use super::strip::{self, adler, join_adler};
use super::{chunk, deflate, filter};

/// RFC 1950: DEFLATE with a 32 KiB window, "fastest".
pub(super) const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// Strips compressed before any of them is written. Bounds the writer's memory beside the picture.
const STRIPS_AT_ONCE: usize = 32;

struct Strip {
    deflated: Vec<u8>,
    adler: u32,
    /// Filtered bytes, before compression.
    len: usize,
}

/// Encodes a picture. The bytes depend on the picture alone, not on the number of threads.
pub fn write(picture: &Picture) -> Vec<u8> {
    // Untouched pages take no memory; an incompressible carrier needs all of them.
    let mut png = Vec::with_capacity(picture.samples().len());
    match write_to(picture, &mut png) {
        Ok(()) => png,
        Err(error) => unreachable!("memory takes all that is written: {error}"),
    }
}

/// [`write()`] into a file or a connection, a few strips at a time. Fails when `out` does.
pub fn write_to(picture: &Picture, out: &mut impl Write) -> io::Result<()> {
    write_cancellable(&cancel::NEVER, picture, out)
}

/// [`write_to`], ended soon after a cancellation.
pub(crate) fn write_cancellable(
    cancel: &CancelToken,
    picture: &Picture,
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(&chunk::SIGNATURE)?;
    chunk::write(out, b"IHDR", &[&ihdr(picture)])?;
    let strip_bytes = strip::rows(picture.width(), picture.channels()) * picture.row_bytes();
    let strips = picture.samples().len().div_ceil(strip_bytes);
    let (mut adler, mut written) = (1, 0);
    for samples in picture.samples().chunks(STRIPS_AT_ONCE * strip_bytes) {
        let batch: Result<Vec<Strip>, Cancelled> = samples
            .par_chunks(strip_bytes)
            .enumerate()
            .map(|(i, samples)| {
                cancel.check()?;
                #[cfg(test)]
                crate::work::unit();
                Ok(compress(picture, samples, written + i + 1 == strips))
            })
            .collect();
        for strip in batch.map_err(io::Error::other)? {
            adler = join_adler(adler, strip.adler, strip.len);
            let head: &[u8] = if written == 0 { &ZLIB_HEADER } else { &[] };
            written += 1;
            let sum = adler.to_be_bytes();
            let tail: &[u8] = if written == strips { &sum } else { &[] };
            chunk::write(out, b"IDAT", &[head, &strip.deflated, tail])?;
        }
    }
    chunk::write(out, b"IEND", &[])
}

fn ihdr(picture: &Picture) -> [u8; 13] {
    let mut ihdr = [0; 13];
    ihdr[..4].copy_from_slice(&picture.width().to_be_bytes());
    ihdr[4..8].copy_from_slice(&picture.height().to_be_bytes());
    ihdr[8] = 8;
    ihdr[9] = match picture.channels() {
        Channels::Rgb => 2,
        Channels::Rgba => 6,
    };
    ihdr
}

fn compress(picture: &Picture, samples: &[u8], last: bool) -> Strip {
    let filtered = filter_rows(samples, picture.row_bytes(), picture.channels().count());
    Strip {
        deflated: deflate::strip(&filtered, last),
        adler: adler(&filtered),
        len: filtered.len(),
    }
}

fn filter_rows(samples: &[u8], row_bytes: usize, bpp: usize) -> Vec<u8> {
    let chosen = filter::choose(samples, row_bytes, bpp);
    let mut out = vec![0; samples.len() / row_bytes * (row_bytes + 1)];
    let rows = samples.chunks_exact(row_bytes);
    let mut above = None;
    for (row, out) in rows.zip(out.chunks_exact_mut(row_bytes + 1)) {
        // The first row must not refer to a row above, so that the strip is independent.
        let filter = match above {
            None if !chosen.is_independent() => filter::Filter::Sub,
            _ => chosen,
        };
        out[0] = filter as u8;
        filter::forward(filter, bpp, row, above.unwrap_or(row), &mut out[1..]);
        above = Some(row);
    }
    out
}
