//! The predecessor of a cluster that begins from a backup: which state of which cluster, and the
//! pieces in which its rows are taken over.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, Hash};
use crate::registration::RegistrationMode;
use crate::wire;

/// Most rows of one piece.
pub const MAX_PIECE_ROWS: usize = 1_000;
/// Most bytes of the keys and values of one piece. A row alone may be longer.
pub const MAX_PIECE_BYTES: usize = 256 << 10;

/// The state that a cluster begins from. It is part of the cluster's first descriptor, and so of
/// its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predecessor {
    /// The cluster that the state is of.
    pub cluster: ClusterId,
    /// Index of the last entry in it.
    pub index: u64,
    /// Its hash, which a majority of that cluster's nodes has signed.
    pub state: Hash,
    /// Hash of the first piece of what is taken over.
    pub content: Hash,
}

/// Keys and values of a piece, in order of key.
pub type PieceRows = Vec<(Vec<u8>, Vec<u8>)>;

/// Some of the rows that are taken over. Each piece has the hash of the next one, so that the first
/// one's hash stands for all of them, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// 0 for the first.
    pub number: u64,
    pub rows: PieceRows,
    /// Hash of the next piece; none of the last one.
    pub next: Option<Hash>,
}

impl Piece {
    /// The hash by which the piece before, or the predecessor, names this one.
    #[must_use]
    pub fn hash(&self) -> Hash {
        piece_hash(self.number, &rows_hash(&self.rows), self.next.as_ref())
    }
}

/// The hash of the rows of a piece.
#[must_use]
pub fn rows_hash(rows: &PieceRows) -> Hash {
    derived("cameo rows of a predecessor v1", &wire::encode(rows))
}

/// The hash of the first piece, and of each one after it, from those of their rows. Since each
/// piece names the next one, they are known only once the last one is.
#[must_use]
pub fn piece_hashes(rows: &[Hash]) -> Vec<Hash> {
    let mut hashes = Vec::with_capacity(rows.len());
    let mut next = None;
    for (number, rows) in rows.iter().enumerate().rev() {
        let hash = piece_hash(number as u64, rows, next.as_ref());
        hashes.push(hash);
        next = Some(hash);
    }
    hashes.reverse();
    hashes
}

fn piece_hash(number: u64, rows: &Hash, next: Option<&Hash>) -> Hash {
    let bytes = wire::encode(&(number, rows, next));
    derived("cameo piece of a predecessor v1", &bytes)
}

fn derived(context: &'static str, bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(bytes);
    Hash(*hasher.finalize().as_bytes())
}

/// The cut of rows into pieces: the same for everybody who has the same rows.
#[derive(Debug, Default)]
pub struct Cutter {
    rows: PieceRows,
    bytes: usize,
}

impl Cutter {
    /// Adds the next row. Returns the rows of a piece that ends before it.
    pub fn add(&mut self, key: Vec<u8>, value: Vec<u8>) -> Option<PieceRows> {
        let length = key.len() + value.len();
        let is_full = self.rows.len() == MAX_PIECE_ROWS || self.bytes + length > MAX_PIECE_BYTES;
        let piece = (is_full && !self.rows.is_empty()).then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.rows)
        });
        self.bytes += length;
        self.rows.push((key, value));
        piece
    }

    /// The rows of the last piece, which has none where there are no rows at all.
    #[must_use]
    pub fn finish(self) -> PieceRows {
        self.rows
    }
}

/// Registration mode and predecessor of a descriptor in one value. Without a predecessor its
/// encoding is that of the mode alone, so that other descriptors keep their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    Open,
    Invite,
    Closed,
    OpenAfter(Predecessor),
    InviteAfter(Predecessor),
    ClosedAfter(Predecessor),
}

impl Beginning {
    /// Of a cluster with this mode and this predecessor.
    #[must_use]
    pub fn new(mode: RegistrationMode, predecessor: Option<Predecessor>) -> Self {
        use RegistrationMode as Mode;
        match (mode, predecessor) {
            (Mode::Open, None) => Self::Open,
            (Mode::Invite, None) => Self::Invite,
            (Mode::Closed, None) => Self::Closed,
            (Mode::Open, Some(before)) => Self::OpenAfter(before),
            (Mode::Invite, Some(before)) => Self::InviteAfter(before),
            (Mode::Closed, Some(before)) => Self::ClosedAfter(before),
        }
    }

    /// The two.
    #[must_use]
    pub fn parts(self) -> (RegistrationMode, Option<Predecessor>) {
        use RegistrationMode as Mode;
        match self {
            Self::Open => (Mode::Open, None),
            Self::Invite => (Mode::Invite, None),
            Self::Closed => (Mode::Closed, None),
            Self::OpenAfter(before) => (Mode::Open, Some(before)),
            Self::InviteAfter(before) => (Mode::Invite, Some(before)),
            Self::ClosedAfter(before) => (Mode::Closed, Some(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BEFORE: Predecessor = Predecessor {
        cluster: ClusterId([1; 32]),
        index: 300,
        state: Hash([2; 32]),
        content: Hash([3; 32]),
    };

    #[test]
    fn a_beginning_has_the_bytes_of_its_mode_unless_there_is_a_predecessor() {
        use RegistrationMode::{Closed, Invite, Open};
        for (number, mode) in [Open, Invite, Closed].into_iter().enumerate() {
            let alone = Beginning::new(mode, None);
            assert_eq!(wire::encode(&alone), wire::encode(&mode));
            assert_eq!(
                serde_json::to_string(&alone).unwrap(),
                serde_json::to_string(&mode).unwrap()
            );
            assert_eq!(alone.parts(), (mode, None));
            let after = Beginning::new(mode, Some(BEFORE));
            let body = [&[1; 32][..], &[0xac, 2], &[2; 32], &[3; 32]].concat();
            let bytes = [&[number as u8 + 3][..], &body].concat();
            assert_eq!(wire::encode(&after), bytes);
            assert_eq!(after.parts(), (mode, Some(BEFORE)));
        }
    }

    #[test]
    fn the_hash_of_a_piece_is_pinned_and_covers_all_of_it() {
        let piece = Piece {
            number: 1,
            rows: vec![(vec![1], vec![2, 3])],
            next: Some(Hash([4; 32])),
        };
        let body = [&[1, 1, 1, 1, 2, 2, 3, 1][..], &[4; 32]].concat();
        assert_eq!(wire::encode(&piece), body);
        let pinned = "400931767a3c6120d35a02944d38b764e819c49c6dfd9228fdbd6e4076fb5d56";
        assert_eq!(piece.hash().to_string(), pinned);
        let others = [
            Piece {
                number: 2,
                ..piece.clone()
            },
            Piece {
                rows: Vec::new(),
                ..piece.clone()
            },
            Piece {
                next: None,
                ..piece.clone()
            },
        ];
        for other in others {
            assert_ne!(other.hash(), piece.hash());
        }
    }

    #[test]
    fn rows_are_cut_by_number_and_by_length_and_each_piece_names_the_next() {
        let row = |number: u32, length| (number.to_be_bytes().to_vec(), vec![7; length]);
        let many = (0..2_500).map(|number| row(number, 1));
        let long = (2_500..2_503).map(|number| row(number, MAX_PIECE_BYTES));
        let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
        for (key, value) in many.chain(long) {
            pieces.extend(cutter.add(key, value));
        }
        pieces.push(cutter.finish());
        let lengths: Vec<_> = pieces.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1_000, 1_000, 500, 1, 1, 1]);
        let hashes = piece_hashes(&pieces.iter().map(rows_hash).collect::<Vec<_>>());
        for (number, rows) in pieces.into_iter().enumerate() {
            let next = hashes.get(number + 1).copied();
            let piece = Piece {
                number: number as u64,
                rows,
                next,
            };
            assert_eq!(piece.hash(), hashes[number]);
        }
        assert_eq!(Cutter::default().finish(), PieceRows::new());
    }
}
