//! Where in a picture the symbols of a payload lie: which tile carries which part, and in which order inside.
//!
//! Samples are cut into tiles that fit into a core's first cache, and tiles into groups of eight neighbours that
//! carry eight symbols: as many bytes as the depth has bits. A keyed permutation gives the order in which the
//! tiles carry the payload; inside a tile a keyed start and stride visit each group once. The payload is dealt to
//! the tiles by their size, so that it covers the whole of a larger picture.

use std::ops::Range;

use super::header::HEADER_BYTES;
use super::key::{CodecKey, Purpose};

/// Samples in a tile. With its staging buffer and its part of the payload it stays in 32 KiB.
pub(super) const TILE: usize = 8192;

/// Samples, and symbols, in a group: symbols of any depth are whole bytes.
pub(super) const GROUP: usize = 8;

/// Groups in a whole tile.
pub(super) const TILE_GROUPS: usize = TILE / GROUP;

/// Groups that carry the header: a byte each, one bit a sample.
pub(super) const HEADER_GROUPS: usize = HEADER_BYTES;

/// One tile, as it stands in the carrying order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Its place in the picture: it begins at sample `index * TILE`.
    pub index: usize,
    /// Groups in it; `TILE_GROUPS`, but for the last.
    pub groups: usize,
    /// The group that comes first, from the tile's beginning.
    pub start: usize,
    /// Steps to the next; has no divisor in common with `groups`.
    pub stride: usize,
    /// How many groups of the sequence belong to the header.
    pub reserved: usize,
}

impl Tile {
    /// The group that comes `n`-th.
    pub(super) fn nth(&self, n: usize) -> usize {
        (self.start + n * self.stride) % self.groups
    }

    /// Where its samples are in the picture.
    pub(super) fn samples(&self) -> Range<usize> {
        self.index * TILE..self.index * TILE + self.groups * GROUP
    }

    /// Groups that are left for the payload.
    fn room(&self) -> usize {
        self.groups - self.reserved
    }
}

/// The tiles in carrying order; the first one also carries the header.
#[derive(Debug)]
pub(super) struct Layout {
    pub tiles: Vec<Tile>,
}

impl Layout {
    /// `None` when not even a header fits.
    pub(super) fn new(samples: usize, key: &CodecKey) -> Option<Layout> {
        let groups = samples / GROUP;
        if groups < HEADER_GROUPS {
            return None;
        }
        let mut draws = Draws::new(key);
        let mut tiles: Vec<Tile> = (0..groups.div_ceil(TILE_GROUPS))
            .map(|index| {
                let left = groups - index * TILE_GROUPS;
                tile(index, TILE_GROUPS.min(left), &mut draws)
            })
            .collect();
        for last in (1..tiles.len()).rev() {
            tiles.swap(last, draws.below(last + 1));
        }
        if tiles[0].groups < TILE_GROUPS && tiles.len() > 1 {
            tiles.swap(0, 1);
        }
        tiles[0].reserved = HEADER_GROUPS;
        #[cfg(test)]
        super::work::count(|work| work.tiles += tiles.len());
        Some(Layout { tiles })
    }

    /// Which groups of the payload each tile carries, in carrying order. `groups` is at most [`groups`] of the
    /// picture: then no tile gets more than it has room for.
    pub(super) fn deal(&self, groups: usize) -> Vec<Range<usize>> {
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

/// Groups that a picture of so many samples has room for, beside the header.
pub(super) fn groups(samples: usize) -> usize {
    (samples / GROUP).saturating_sub(HEADER_GROUPS)
}

fn tile(index: usize, groups: usize, draws: &mut Draws) -> Tile {
    let start = draws.below(groups);
    let mut stride = (groups / 4 + draws.below(groups / 2 + 1)) | 1;
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

/// Keyed numbers below a bound.
struct Draws {
    reader: blake3::OutputReader,
    buffer: [u8; 1024],
    next: usize,
}

impl Draws {
    fn new(key: &CodecKey) -> Self {
        let reader = blake3::Hasher::new_keyed(&key.derive(Purpose::Layout)).finalize_xof();
        Draws {
            reader,
            buffer: [0; 1024],
            next: 1024,
        }
    }

    /// By multiply and shift: the bias is below 2^-40 for every bound in use here.
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
    fn a_payload_is_dealt_to_all_tiles_by_their_room() {
        for samples in [320, 400, 8192, 9000, 50_000, 123_456] {
            let layout = Layout::new(samples, &key(9)).unwrap();
            let room = groups(samples);
            for amount in [0, 1, room / 3, room.saturating_sub(1), room] {
                let parts = layout.deal(amount.min(room));
                let mut next = 0;
                for (part, tile) in parts.iter().zip(&layout.tiles) {
                    assert_eq!(part.start, next);
                    assert!(part.len() + tile.reserved <= tile.groups);
                    next = part.end;
                }
                assert_eq!(next, amount.min(room));
            }
        }
        let half = Layout::new(40 * TILE, &key(1))
            .unwrap()
            .deal(20 * TILE_GROUPS);
        assert!(
            half.iter()
                .all(|part| part.len().abs_diff(TILE_GROUPS / 2) < 30)
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
