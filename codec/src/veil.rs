//! The `veil` codec: the payload in the `k` low bits of every sample, RGB in and out.
//!
//! Each sample becomes the nearest value that is congruent to its symbol modulo 2^k (optimal pixel
//! adjustment; Chan and Cheng, 2004). At k = 1 both neighbours are equally near, and a keyed bit
//! chooses (LSB matching). Groups of symbols are first scattered into a staging buffer of a tile's
//! size, then applied in one contiguous pass, so that all data of a tile stays in the L1 cache.

use std::ops::Range;

use rayon::prelude::*;

use super::cancel::CancelToken;
use super::header::{HEADER_BYTES, Header, Tag};
use super::key::{CodecKey, KeyStream, Purpose};
use super::layout::{self, GROUP, HEADER_GROUPS, Layout, TILE, TILE_GROUPS, Tile};
use super::picture::{Channels, Picture};
use super::symbols::{Group, spread, squeeze};
use super::{Codec, RevealError};

/// Payload bytes that fit into a picture of this many samples at this depth.
pub fn capacity(samples: usize, depth: u8) -> usize {
    layout::groups(samples) * usize::from(depth)
}

/// Pixels that a payload of this many bytes needs.
pub(super) fn pixels_for(payload: usize, depth: u8) -> u64 {
    let groups = HEADER_GROUPS + payload.div_ceil(usize::from(depth));
    (groups * GROUP).div_ceil(3) as u64
}

/// The top bit marks a staged symbol. The low bits are its value; at depth 1, bit 6 is its sign.
const STAGED: Group = Group::from_le_bytes([0x80; GROUP]);
const SIGN_BIT: u8 = 6;

/// Offset of the payload's signs in the sign stream; the header's signs come first.
const BODY_SIGNS: usize = 64;

/// Largest depth of `veil`.
const MAX_DEPTH: usize = 4;

/// Key streams of one payload: whitening of its bytes, and the choice between equally near values.
struct Streams {
    whitening: KeyStream,
    signs: KeyStream,
}

/// Hides `payload` in `picture`. The caller has compared its length with [`capacity`]. After a
/// cancellation some tiles carry nothing, and the picture must be discarded.
pub(super) fn embed(
    cancel: &CancelToken,
    picture: &mut Picture,
    payload: &[u8],
    key: &CodecKey,
    depth: u8,
) {
    assert_eq!(picture.channels(), Channels::Rgb);
    assert!(payload.len() <= capacity(picture.samples().len(), depth));
    let Some(layout) = Layout::new(picture.samples().len(), key) else {
        unreachable!("a picture with capacity has room for a header");
    };
    let header = Header::new(Codec::Veil, depth, payload, key);
    let (sealed, tag) = header.seal(key, picture.size());
    let streams = Streams {
        whitening: KeyStream::new(key, Purpose::Whitening, &tag),
        signs: KeyStream::new(key, Purpose::Signs, &tag),
    };
    let samples = picture.samples_mut();
    write_header(samples, &layout.tiles[0], &sealed, &streams.signs);
    match depth {
        1 => embed_body::<1>(cancel, samples, payload, &layout, &streams),
        2 => embed_body::<2>(cancel, samples, payload, &layout, &streams),
        3 => embed_body::<3>(cancel, samples, payload, &layout, &streams),
        4 => embed_body::<4>(cancel, samples, payload, &layout, &streams),
        _ => unreachable!("depths are checked with the options"),
    }
}

/// Extracts the payload that [`embed`] hid. A wrong key is detected from the header alone.
pub(super) fn extract(picture: &Picture, key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    let layout = Layout::new(picture.colours(), key).ok_or(RevealError::NotOurs)?;
    let (header, tag) = open_header(picture, &layout, key)?;
    let picture = picture.without_alpha();
    let samples = picture.samples();
    if header.codec != Codec::Veil || !(1..=4).contains(&header.depth) {
        return Err(RevealError::Unknown);
    }
    if header.length > capacity(samples.len(), header.depth) as u64 {
        return Err(RevealError::Damaged);
    }
    let length = header.length as usize;
    let mut body = vec![0; length.next_multiple_of(usize::from(header.depth))];
    let whitening = KeyStream::new(key, Purpose::Whitening, &tag);
    match header.depth {
        1 => extract_body::<1>(samples, &mut body, &layout, &whitening),
        2 => extract_body::<2>(samples, &mut body, &layout, &whitening),
        3 => extract_body::<3>(samples, &mut body, &layout, &whitening),
        _ => extract_body::<4>(samples, &mut body, &layout, &whitening),
    }
    if body[length..].iter().any(|&byte| byte != 0) {
        return Err(RevealError::Damaged);
    }
    body.truncate(length);
    header.verify(&body, key)?;
    Ok(body)
}

/// The header of a carrier, with codec, depth and payload length.
pub(super) fn identify(picture: &Picture, key: &CodecKey) -> Result<Header, RevealError> {
    let layout = Layout::new(picture.colours(), key).ok_or(RevealError::NotOurs)?;
    open_header(picture, &layout, key).map(|(header, _)| header)
}

fn open_header(
    picture: &Picture,
    layout: &Layout,
    key: &CodecKey,
) -> Result<(Header, Tag), RevealError> {
    Header::open(&read_header(picture, &layout.tiles[0]), key, picture.size())
}

fn write_header(samples: &mut [u8], tile: &Tile, sealed: &[u8; HEADER_BYTES], signs: &KeyStream) {
    let mut sign = [0; HEADER_BYTES];
    signs.apply(0, &mut sign);
    let samples = &mut samples[tile.samples()];
    for (n, (&bits, &signs)) in sealed.iter().zip(&sign).enumerate() {
        let group = &mut samples[tile.nth(n) * GROUP..][..GROUP];
        for (i, sample) in group.iter_mut().enumerate() {
            *sample = nearest::<1>(*sample, bits >> i & 1, signs >> i & 1);
        }
    }
}

fn read_header(picture: &Picture, tile: &Tile) -> [u8; HEADER_BYTES] {
    let mut sealed = [0; HEADER_BYTES];
    for (n, bits) in sealed.iter_mut().enumerate() {
        let first = tile.samples().start + tile.nth(n) * GROUP;
        let group: [u8; GROUP] = std::array::from_fn(|i| picture.colour(first + i));
        *bits = squeeze::<1>(Group::from_le_bytes(group)) as u8;
    }
    sealed
}

/// The value nearest to `sample` that is congruent to `symbol` modulo 2^K: the only such value in a
/// window of 2^K values around `sample`. The window is shifted at the ends of 0..=255; at K = 1,
/// `sign` shifts it too.
#[inline(always)]
fn nearest<const K: usize>(sample: u8, symbol: u8, sign: u8) -> u8 {
    let below = if K == 1 { sign } else { (1 << (K - 1)) - 1 };
    let mask = (1 << K) - 1;
    let base = sample.saturating_sub(below).min(255 - mask);
    base + (symbol.wrapping_sub(base) & mask)
}

fn embed_body<const K: usize>(
    cancel: &CancelToken,
    samples: &mut [u8],
    payload: &[u8],
    layout: &Layout,
    streams: &Streams,
) {
    let ranges = layout.distribute(payload.len().div_ceil(K));
    let mut work: Vec<(&Tile, Range<usize>)> = layout.tiles.iter().zip(ranges).collect();
    work.sort_unstable_by_key(|(tile, _)| tile.index);
    samples
        .par_chunks_mut(TILE)
        .zip(work)
        .filter(|(_, (_, range))| !range.is_empty() && !cancel.is_cancelled())
        .for_each(|(samples, (tile, range))| {
            #[cfg(test)]
            super::work::unit();
            let mut stage = [[0; GROUP]; TILE_GROUPS];
            stage_range::<K>(&mut stage, tile, payload, range, streams);
            let samples = &mut samples[..tile.groups * GROUP];
            apply::<K>(samples, stage.as_flattened());
        });
}

/// Writes the symbols of one range of payload groups to their places in the staging buffer. The
/// last group is padded with zeros.
fn stage_range<const K: usize>(
    stage: &mut [[u8; GROUP]; TILE_GROUPS],
    tile: &Tile,
    payload: &[u8],
    range: Range<usize>,
    streams: &Streams,
) {
    let mut bytes = [0; TILE_GROUPS * MAX_DEPTH];
    let bytes = &mut bytes[..range.len() * K];
    let from = &payload[range.start * K..payload.len().min(range.end * K)];
    bytes[..from.len()].copy_from_slice(from);
    streams.whitening.apply(range.start * K, bytes);
    let mut signs = [0; TILE_GROUPS];
    if K == 1 {
        let signs = &mut signs[..range.len()];
        streams.signs.apply(BODY_SIGNS + range.start, signs);
    }
    let order = GroupOrder::new(tile);
    for ((bytes, &sign), at) in bytes.chunks_exact(K).zip(&signs).zip(order) {
        // Shifts instead of a copy: a wide load right after byte stores would miss store
        // forwarding.
        let word = bytes
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | Group::from(byte));
        let mut group = STAGED | spread::<K>(word);
        if K == 1 {
            group |= spread::<1>(Group::from(sign)) << SIGN_BIT;
        }
        stage[at % TILE_GROUPS] = group.to_le_bytes();
    }
}

/// The contiguous pass over one tile: byte arithmetic without a branch.
fn apply<const K: usize>(samples: &mut [u8], stage: &[u8]) {
    for (sample, &staged) in samples.iter_mut().zip(stage) {
        let moved = nearest::<K>(*sample, staged, staged >> SIGN_BIT & 1);
        let chosen = ((staged as i8) >> 7) as u8;
        *sample = (moved & chosen) | (*sample & !chosen);
    }
}

fn extract_body<const K: usize>(
    samples: &[u8],
    body: &mut [u8],
    layout: &Layout,
    whitening: &KeyStream,
) {
    let ranges = layout.distribute(body.len() / K);
    let mut rest = body;
    let mut work = Vec::with_capacity(ranges.len());
    for (tile, range) in layout.tiles.iter().zip(ranges) {
        let (bytes, after) = rest.split_at_mut(range.len() * K);
        rest = after;
        work.push((tile, range.start * K, bytes));
    }
    work.into_par_iter().for_each(|(tile, position, bytes)| {
        // One contiguous copy: picking groups from memory directly would miss the cache for nearly
        // each.
        let mut stage = [[0; GROUP]; TILE_GROUPS];
        stage.as_flattened_mut()[..tile.groups * GROUP].copy_from_slice(&samples[tile.samples()]);
        for (bytes, at) in bytes.chunks_exact_mut(K).zip(GroupOrder::new(tile)) {
            let word = squeeze::<K>(Group::from_le_bytes(stage[at % TILE_GROUPS]));
            bytes.copy_from_slice(&word.to_le_bytes()[..K]);
        }
        whitening.apply(position, bytes);
    });
}

/// Payload groups of a tile in keyed order, after the header's groups.
struct GroupOrder {
    at: usize,
    stride: usize,
    groups: usize,
}

impl GroupOrder {
    fn new(tile: &Tile) -> Self {
        GroupOrder {
            at: tile.nth(tile.reserved),
            stride: tile.stride,
            groups: tile.groups,
        }
    }
}

impl Iterator for GroupOrder {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let at = self.at;
        self.at += self.stride;
        if self.at >= self.groups {
            self.at -= self.groups;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_congruent_and_nearest_for_every_sample_and_symbol() {
        fn check<const K: usize>() {
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
