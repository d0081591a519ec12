//! Writing: strips filtered and compressed on all threads of the current pool.

use rayon::prelude::*;

use crate::picture::{Channels, Picture};

use super::strip::{self, adler, join_adler};
use super::{chunk, deflate, filter};

/// RFC 1950: DEFLATE with a 32 KiB window, "fastest".
pub(super) const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

struct Strip {
    deflated: Vec<u8>,
    adler: u32,
    /// Filtered bytes, before compression.
    len: usize,
}

/// The picture as a PNG file. The same picture always gives the same bytes, on any number of threads.
pub fn write(picture: &Picture) -> Vec<u8> {
    let strips = strips(picture);
    let adler = strips
        .iter()
        .fold(1, |adler, strip| join_adler(adler, strip.adler, strip.len));
    let total: usize = strips.iter().map(|strip| strip.deflated.len() + 12).sum();

    let mut png = Vec::with_capacity(total + 64);
    png.extend_from_slice(&chunk::SIGNATURE);
    chunk::write(&mut png, b"IHDR", &[&ihdr(picture)]);
    for (i, strip) in strips.iter().enumerate() {
        let head: &[u8] = if i == 0 { &ZLIB_HEADER } else { &[] };
        let sum = adler.to_be_bytes();
        let tail: &[u8] = if i + 1 == strips.len() { &sum } else { &[] };
        chunk::write(&mut png, b"IDAT", &[head, &strip.deflated, tail]);
    }
    chunk::write(&mut png, b"IEND", &[]);
    png
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

fn strips(picture: &Picture) -> Vec<Strip> {
    let bytes = strip::rows(picture.width(), picture.channels()) * picture.row_bytes();
    let last = picture.samples().len().div_ceil(bytes) - 1;
    picture
        .samples()
        .par_chunks(bytes)
        .enumerate()
        .map(|(i, samples)| {
            let filtered = filter_rows(samples, picture.row_bytes(), picture.channels().count());
            Strip {
                deflated: deflate::strip(&filtered, i == last),
                adler: adler(&filtered),
                len: filtered.len(),
            }
        })
        .collect()
}

fn filter_rows(samples: &[u8], row_bytes: usize, bpp: usize) -> Vec<u8> {
    let chosen = filter::choose(samples, row_bytes, bpp);
    let mut out = vec![0; samples.len() / row_bytes * (row_bytes + 1)];
    let rows = samples.chunks_exact(row_bytes);
    let mut above = None;
    for (row, out) in rows.zip(out.chunks_exact_mut(row_bytes + 1)) {
        // The first row refers to nothing above: the strip stands alone.
        let filter = match above {
            None if !chosen.stands_alone() => filter::Filter::Sub,
            _ => chosen,
        };
        out[0] = filter as u8;
        filter::forward(filter, bpp, row, above.unwrap_or(row), &mut out[1..]);
        above = Some(row);
    }
    out
}
