//! `veil`: the payload in the `k` low bits of every sample, RGB in and out.
//!
//! Each sample becomes the nearest value that is congruent to its symbol modulo 2^k (optimal pixel adjustment;
//! Chan and Cheng, 2004); at k = 1 both neighbours are equally near, and a keyed bit chooses (LSB matching).
//! Symbols are first scattered into a staging buffer of a tile's size, then applied in one contiguous pass.

use std::ops::Range;

use rayon::prelude::*;

use super::header::{HEADER_BYTES, Header};
use super::key::{CodecKey, KeyStream, Purpose};
use super::layout::{self, GROUP, HEADER_SAMPLES, Layout, TILE, Tile};
use super::picture::{Channels, Picture};
use super::{Codec, RevealError};

/// Bytes that fit into a picture of so many samples at this depth.
pub fn capacity(samples: usize, depth: u8) -> usize {
    layout::groups(samples) * usize::from(depth)
}

/// Pixels that a payload of so many bytes needs.
pub(super) fn pixels_for(payload: usize, depth: u8) -> u64 {
    let groups = payload.div_ceil(usize::from(depth));
    (HEADER_SAMPLES + groups * GROUP).div_ceil(3) as u64
}

/// A staged symbol: this bit set, its value in the low bits, and at depth 1 its sign in bit 6.
const STAGED: u8 = 0x80;
const SIGN_BIT: u8 = 6;

/// Signs of the header come first in their stream, those of the payload from here on.
const BODY_SIGNS: usize = 64;

/// Hides `payload` in `picture`; the caller has compared its length with [`capacity`].
pub(super) fn embed(picture: &mut Picture, payload: &[u8], key: &CodecKey, depth: u8) {
    assert_eq!(picture.channels(), Channels::Rgb);
    assert!(payload.len() <= capacity(picture.samples().len(), depth));
    let Some(layout) = Layout::new(picture.samples().len(), key) else {
        unreachable!("a picture with capacity has room for a header");
    };
    let header = Header::new(Codec::Veil, depth, payload, key);
    let (sealed, tag) = header.seal(key, picture.size());
    let signs = KeyStream::new(key, Purpose::Signs, &tag);
    let mut body = payload.to_vec();
    body.resize(payload.len().next_multiple_of(usize::from(depth)), 0);
    KeyStream::new(key, Purpose::Whitening, &tag).apply_all(&mut body);

    write_header(picture.samples_mut(), &layout.tiles[0], &sealed, &signs);
    match depth {
        1 => embed_body::<1>(picture.samples_mut(), &body, &layout, &signs),
        2 => embed_body::<2>(picture.samples_mut(), &body, &layout, &signs),
        3 => embed_body::<3>(picture.samples_mut(), &body, &layout, &signs),
        4 => embed_body::<4>(picture.samples_mut(), &body, &layout, &signs),
        _ => unreachable!("depths are checked with the options"),
    }
}

/// Finds what [`embed`] hid. A wrong key is told from the header alone, whatever the picture holds.
pub(super) fn extract(picture: &Picture, key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    assert_eq!(picture.channels(), Channels::Rgb);
    let samples = picture.samples();
    let layout = Layout::new(samples.len(), key).ok_or(RevealError::NotOurs)?;
    let (header, tag) = Header::open(&read_header(samples, &layout.tiles[0]), key, picture.size())?;
    if header.codec != Codec::Veil || !(1..=4).contains(&header.depth) {
        return Err(RevealError::Unknown);
    }
    if header.length > capacity(samples.len(), header.depth) as u64 {
        return Err(RevealError::Damaged);
    }
    let length = header.length as usize;
    let mut body = vec![0; length.next_multiple_of(usize::from(header.depth))];
    match header.depth {
        1 => extract_body::<1>(samples, &mut body, &layout),
        2 => extract_body::<2>(samples, &mut body, &layout),
        3 => extract_body::<3>(samples, &mut body, &layout),
        _ => extract_body::<4>(samples, &mut body, &layout),
    }
    KeyStream::new(key, Purpose::Whitening, &tag).apply_all(&mut body);
    if body[length..].iter().any(|&byte| byte != 0) {
        return Err(RevealError::Damaged);
    }
    body.truncate(length);
    header.verify(&body, key)?;
    Ok(body)
}

/// What the header of a carrier says to one who has its key: depth and payload length.
pub(super) fn identify(picture: &Picture, key: &CodecKey) -> Result<Header, RevealError> {
    let layout = Layout::new(picture.samples().len(), key).ok_or(RevealError::NotOurs)?;
    let sealed = read_header(picture.samples(), &layout.tiles[0]);
    Header::open(&sealed, key, picture.size()).map(|(header, _)| header)
}

fn write_header(samples: &mut [u8], tile: &Tile, sealed: &[u8; HEADER_BYTES], signs: &KeyStream) {
    let mut sign = [0; HEADER_BYTES];
    signs.apply(0, &mut sign);
    for n in 0..HEADER_SAMPLES {
        let bit = |bytes: &[u8; HEADER_BYTES]| bytes[n / 8] >> (n % 8) & 1;
        let sample = &mut samples[tile.index * TILE + tile.nth(n)];
        *sample = nearest::<1>(*sample, bit(sealed), bit(&sign));
    }
}

fn read_header(samples: &[u8], tile: &Tile) -> [u8; HEADER_BYTES] {
    let mut sealed = [0; HEADER_BYTES];
    for n in 0..HEADER_SAMPLES {
        sealed[n / 8] |= (samples[tile.index * TILE + tile.nth(n)] & 1) << (n % 8);
    }
    sealed
}

/// The value nearest to `sample` that is congruent to `symbol` modulo 2^K: the only such one in a window of 2^K
/// values around `sample`, shifted where it would leave 0..=255. At K = 1 `sign` shifts the window.
#[inline(always)]
fn nearest<const K: u8>(sample: u8, symbol: u8, sign: u8) -> u8 {
    let below = if K == 1 { sign } else { (1 << (K - 1)) - 1 };
    let mask = (1 << K) - 1;
    let base = sample.saturating_sub(below).min(255 - mask);
    base + (symbol.wrapping_sub(base) & mask)
}

fn embed_body<const K: u8>(samples: &mut [u8], body: &[u8], layout: &Layout, signs: &KeyStream) {
    let parts = layout.deal(body.len() / usize::from(K));
    let mut work: Vec<(&Tile, Range<usize>)> = layout.tiles.iter().zip(parts).collect();
    work.sort_unstable_by_key(|(tile, _)| tile.index);
    samples
        .par_chunks_mut(TILE)
        .zip(work)
        .for_each(|(samples, (tile, part))| {
            if part.is_empty() {
                return;
            }
            let bytes = &body[part.start * usize::from(K)..part.end * usize::from(K)];
            let mut stage = [0; TILE];
            let mut sign = [0; TILE / GROUP];
            let sign = &mut sign[..if K == 1 { bytes.len() } else { 0 }];
            signs.apply(BODY_SIGNS + part.start, sign);
            if tile.len == TILE {
                scatter::<K, true>(&mut stage, tile, bytes, sign);
            } else {
                scatter::<K, false>(&mut stage, tile, bytes, sign);
            }
            apply::<K>(&mut samples[..tile.len], &stage);
        });
}

/// Puts each symbol where its sample is.
fn scatter<const K: u8, const WHOLE: bool>(
    stage: &mut [u8; TILE],
    tile: &Tile,
    bytes: &[u8],
    signs: &[u8],
) {
    let mut walk = Walk::<WHOLE>::new(tile);
    for (i, group) in bytes.chunks_exact(usize::from(K)).enumerate() {
        let word = group
            .iter()
            .rev()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        let sign = if K == 1 { signs[i] } else { 0 };
        for n in 0..GROUP {
            let symbol = (word >> (n * usize::from(K))) as u8 & ((1 << K) - 1);
            stage[walk.next() % TILE] = STAGED | (sign >> n & 1) << SIGN_BIT | symbol;
        }
    }
}

/// The contiguous pass: plain arithmetic on bytes, without a branch.
fn apply<const K: u8>(samples: &mut [u8], stage: &[u8; TILE]) {
    for (sample, &staged) in samples.iter_mut().zip(stage) {
        let moved = nearest::<K>(*sample, staged, staged >> SIGN_BIT & 1);
        let chosen = ((staged as i8) >> 7) as u8;
        *sample = (moved & chosen) | (*sample & !chosen);
    }
}

fn extract_body<const K: u8>(samples: &[u8], body: &mut [u8], layout: &Layout) {
    let parts = layout.deal(body.len() / usize::from(K));
    let mut rest = body;
    let mut work = Vec::with_capacity(parts.len());
    for (tile, part) in layout.tiles.iter().zip(parts) {
        let (bytes, after) = rest.split_at_mut(part.len() * usize::from(K));
        rest = after;
        work.push((tile, bytes));
    }
    work.into_par_iter().for_each(|(tile, bytes)| {
        let samples = &samples[tile.index * TILE..][..tile.len];
        match <&[u8; TILE]>::try_from(samples) {
            Ok(whole) => gather_whole::<K>(whole, tile, bytes),
            Err(_) => gather_partial::<K>(samples, tile, bytes),
        }
    });
}

fn gather_whole<const K: u8>(samples: &[u8; TILE], tile: &Tile, bytes: &mut [u8]) {
    let mut walk = Walk::<true>::new(tile);
    gather::<K>(bytes, || samples[walk.next() % TILE]);
}

fn gather_partial<const K: u8>(samples: &[u8], tile: &Tile, bytes: &mut [u8]) {
    let mut walk = Walk::<false>::new(tile);
    gather::<K>(bytes, || samples[walk.next()]);
}

#[inline(always)]
fn gather<const K: u8>(bytes: &mut [u8], mut next: impl FnMut() -> u8) {
    for group in bytes.chunks_exact_mut(usize::from(K)) {
        let mut word = 0u32;
        for n in 0..GROUP {
            word |= u32::from(next() & ((1 << K) - 1)) << (n * usize::from(K));
        }
        group.copy_from_slice(&word.to_le_bytes()[..usize::from(K)]);
    }
}

/// The samples of a tile in keyed order, behind the header's.
struct Walk<const WHOLE: bool> {
    at: usize,
    stride: usize,
    len: usize,
}

impl<const WHOLE: bool> Walk<WHOLE> {
    fn new(tile: &Tile) -> Self {
        Walk {
            at: tile.nth(tile.reserved),
            stride: tile.stride,
            len: tile.len,
        }
    }

    /// A whole tile has a power of two for its length: the remainder is a mask.
    #[inline(always)]
    fn next(&mut self) -> usize {
        let at = self.at;
        self.at += self.stride;
        if WHOLE {
            self.at %= TILE;
        } else if self.at >= self.len {
            self.at -= self.len;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_congruent_and_nearest_for_every_sample_and_symbol() {
        fn check<const K: u8>() {
            for sample in 0..=255u8 {
                for symbol in 0..1u8 << K {
                    for sign in 0..=1 {
                        let got = nearest::<K>(sample, symbol, sign);
                        assert_eq!(got % (1 << K), symbol);
                        let best = (0..=255u8)
                            .filter(|v| v % (1 << K) == symbol)
                            .map(|v| v.abs_diff(sample))
                            .min();
                        assert_eq!(Some(got.abs_diff(sample)), best, "{K} {sample} {symbol}");
                    }
                }
            }
        }
        check::<1>();
        check::<2>();
        check::<3>();
        check::<4>();
    }

    #[test]
    fn at_depth_1_the_sign_chooses_the_direction() {
        assert_eq!(nearest::<1>(100, 1, 0), 101);
        assert_eq!(nearest::<1>(100, 1, 1), 99);
        assert_eq!(nearest::<1>(0, 1, 1), 1);
        assert_eq!(nearest::<1>(255, 0, 0), 254);
    }
}
