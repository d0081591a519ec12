//! Keyed layout of a payload in a picture: which tile carries which groups, and in which order.
//!
//! Samples are cut into tiles that fit into a core's L1 cache, and tiles into groups of eight
//! neighbouring samples. A group carries eight symbols, which are `depth` bytes. A keyed
//! permutation orders the tiles; inside a tile a keyed start and stride visit each group once. The
//! payload is distributed over all tiles in proportion to their size, so that a small payload
//! covers the whole of a large picture.

use std::ops::Range;

use super::header::HEADER_BYTES;
use super::key::{CodecKey, Purpose};

/// Samples in a tile. A tile, its staging buffer and its payload fit into 32 KiB.
pub(super) const TILE: usize = 8192;

/// Samples, and symbols, in a group. Eight symbols of any depth are whole bytes.
pub(super) const GROUP: usize = 8;

/// Groups in a full tile.
pub(super) const TILE_GROUPS: usize = TILE / GROUP;

/// Groups that carry the header: one byte each, one bit a sample.
pub(super) const HEADER_GROUPS: usize = HEADER_BYTES;

/// One tile of the keyed order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Position in the picture: the tile begins at sample `index * TILE`.
    pub index: usize,
    /// Number of groups; `TILE_GROUPS` for all but the last tile.
    pub groups: usize,
    /// First group of the keyed order, counted from the tile's beginning.
    pub start: usize,
    /// Distance to the next group, coprime with `groups`.
    pub stride: usize,
    /// Leading groups of the keyed order that carry the header.
    pub reserved: usize,
}

impl Tile {
    /// The `n`-th group of the keyed order.
    pub(super) fn nth(&self, n: usize) -> usize {
        (self.start + n * self.stride) % self.groups
    }

    /// Range of the tile's samples in the picture.
    pub(super) fn samples(&self) -> Range<usize> {
        self.index * TILE..self.index * TILE + self.groups * GROUP
    }

    /// Groups available to the payload.
    fn room(&self) -> usize {
        self.groups - self.reserved
    }
}

/// All tiles in keyed order. The first one also carries the header.
#[derive(Debug)]
pub(super) struct Layout {
    pub tiles: Vec<Tile>,
}

impl Layout {
    /// `None` when the picture is too small for a header.
    pub(super) fn new(samples: usize, key: &CodecKey) -> Option<Layout> {
        let groups = samples / GROUP;
        if groups < HEADER_GROUPS {
            return None;
        }
        let mut rng = KeyedRng::new(key);
        let mut tiles: Vec<Tile> = (0..groups.div_ceil(TILE_GROUPS))
            .map(|index| {
                let left = groups - index * TILE_GROUPS;
                tile(index, TILE_GROUPS.min(left), &mut rng)
            })
            .collect();
        for last in (1..tiles.len()).rev() {
            tiles.swap(last, rng.below(last + 1));
        }
        if tiles[0].groups < TILE_GROUPS && tiles.len() > 1 {
            tiles.swap(0, 1);
        }
        tiles[0].reserved = HEADER_GROUPS;
        #[cfg(test)]
        super::work::count(|work| work.tiles += tiles.len());
        Some(Layout { tiles })
    }

    /// Ranges of payload groups that the tiles carry, in keyed order. `groups` is at most
    /// [`groups`] of the picture, so no tile gets more than it has room for.
    pub(super) fn distribute(&self, groups: usize) -> Vec<Range<usize>> {
        let room: usize = self.tiles.iter().map(Tile::room).sum();
        assert!(
            groups <= room,
            "the payload was measured against the picture"
        );
        let share =
            |before: usize| (groups as u128 * before as u128 / room.max(1) as u128) as usize;
        let mut before = 0;
        self.tiles
            .iter()
            .map(|tile| {
                let from = share(before);
                before += tile.room();
                from..share(before)
            })
            .collect()
    }
}

/// Groups that a picture of this many samples has for the payload.
pub(super) fn groups(samples: usize) -> usize {
    (samples / GROUP).saturating_sub(HEADER_GROUPS)
}

fn tile(index: usize, groups: usize, rng: &mut KeyedRng) -> Tile {
    let start = rng.below(groups);
    let mut stride = (groups / 4 + rng.below(groups / 2 + 1)) | 1;
    while common_divisor(stride, groups) != 1 {
        stride += 2;
    }
    Tile {
        index,
        groups,
        start,
        stride: stride % groups,
        reserved: 0,
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Keyed pseudorandom numbers below a bound.
struct KeyedRng {
    reader: blake3::OutputReader,
    buffer: [u8; 1024],
    next: usize,
}

impl KeyedRng {
    fn new(key: &CodecKey) -> Self {
        let reader = blake3::Hasher::new_keyed(&key.derive(Purpose::Layout)).finalize_xof();
        KeyedRng {
            reader,
            buffer: [0; 1024],
            next: 1024,
        }
    }

    /// Multiply and shift. The bias is below 2^-40 for every bound used here.
    fn below(&mut self, bound: usize) -> usize {
        if self.next == self.buffer.len() {
            self.reader.fill(&mut self.buffer);
            self.next = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.buffer[self.next..self.next + 8]);
        self.next += 8;
        ((u128::from(u64::from_le_bytes(word)) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(seed: u8) -> CodecKey {
        CodecKey::from_bytes([seed; 32])
    }

    #[test]
    fn every_whole_group_is_visited_once() {
        for samples in [
            320,
            321,
            327,
            328,
            8192,
            8200,
            8192 + 320,
            3 * 8192 + 16,
            100_003,
        ] {
            for seed in 0..4 {
                let layout = Layout::new(samples, &key(seed)).unwrap();
                let mut seen = vec![0; samples / GROUP];
                for tile in &layout.tiles {
                    for n in 0..tile.groups {
                        seen[tile.index * TILE_GROUPS + tile.nth(n)] += 1;
                    }
                }
                assert!(seen.iter().all(|&n| n == 1), "{samples} {seed}");
            }
        }
    }

    #[test]
    fn a_payload_is_distributed_over_all_tiles_by_their_room() {
        for samples in [320, 400, 8192, 9000, 50_000, 123_456] {
            let layout = Layout::new(samples, &key(9)).unwrap();
            let room = groups(samples);
            for amount in [0, 1, room / 3, room.saturating_sub(1), room] {
                let ranges = layout.distribute(amount.min(room));
                let mut next = 0;
                for (range, tile) in ranges.iter().zip(&layout.tiles) {
                    assert_eq!(range.start, next);
                    assert!(range.len() + tile.reserved <= tile.groups);
                    next = range.end;
                }
                assert_eq!(next, amount.min(room));
            }
        }
        let half = Layout::new(40 * TILE, &key(1))
            .unwrap()
            .distribute(20 * TILE_GROUPS);
        assert!(
            half.iter()
                .all(|range| range.len().abs_diff(TILE_GROUPS / 2) < 30)
        );
    }

    #[test]
    fn the_header_lies_in_a_whole_tile_where_there_is_one() {
        for seed in 0..=255 {
            let layout = Layout::new(TILE + GROUP, &key(seed)).unwrap();
            assert_eq!(layout.tiles[0].groups, TILE_GROUPS, "seed {seed}");
        }
    }

    #[test]
    fn another_key_is_another_layout() {
        let order = |seed| -> Vec<_> {
            let layout = Layout::new(99 * TILE, &key(seed)).unwrap();
            layout
                .tiles
                .iter()
                .map(|t| (t.index, t.start, t.stride))
                .collect()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
