//! Rows that are kept in memory, all of them: those of the retry table, of which each command adds
//! two, for a short time. In sled they would cost more than all others together.
//!
//! sled has them in blocks: each write adds what has changed. A block goes once none of its
//! rows is left, and all blocks before it are gone: a later block may delete a row of an earlier
//! one.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use cameo_common::wire::{VersionError, decode_versioned, encode_versioned};
use serde_bytes::{ByteBuf, Bytes as Plain};

use super::row::{Bytes, Changes, Key, RowChange, Value};

/// Version of a block's layout.
const VERSION: u8 = 1;
/// Most rows of a block: sled keeps a value of this size beside others.
pub(super) const BLOCK_ROWS: usize = 256;

/// The resident rows as of the last write to sled.
#[derive(Debug, Default)]
pub(super) struct Resident {
    rows: BTreeMap<Key, Row>,
    /// Blocks in sled, the oldest first.
    blocks: VecDeque<Block>,
    next: u64,
}

#[derive(Debug)]
struct Row {
    value: Bytes,
    block: u64,
}

#[derive(Debug)]
struct Block {
    number: u64,
    /// Rows whose newest value it has.
    left: usize,
}

impl Resident {
    pub fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.rows.get(key).map(|row| &row.value)
    }

    /// Rows in key order, from `start` on.
    pub fn range(&self, start: Bound<&[u8]>) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = self.rows.range::<[u8], _>((start, Bound::Unbounded));
        rows.map(|(key, row)| (&**key, &*row.value))
    }

    /// Number of the next block.
    pub fn next_block(&self) -> u64 {
        self.next
    }

    /// Numbers of the blocks that are needed no more, the oldest first.
    pub fn dead_blocks(&self) -> Vec<u64> {
        let dead = self.blocks.iter().take_while(|block| block.left == 0);
        dead.map(|block| block.number).collect()
    }

    /// Forgets the oldest blocks, which sled has no more.
    pub fn forget_blocks(&mut self, dead: &[u64]) {
        self.blocks.drain(..dead.len().min(self.blocks.len()));
    }

    /// The next block, and its changes.
    pub fn take_block(&mut self, number: u64, changes: &[RowChange]) {
        self.blocks.push_back(Block { number, left: 0 });
        self.next = number + 1;
        for (key, value) in changes {
            self.change(number, key, value.clone());
        }
    }

    fn change(&mut self, block: u64, key: &Key, value: Value) {
        let before = match value {
            Some(value) => {
                self.count(block, |left| left + 1);
                self.rows.insert(key.clone(), Row { value, block })
            }
            None => self.rows.remove(key),
        };
        if let Some(before) = before {
            self.count(before.block, |left| left.saturating_sub(1));
        }
    }

    /// Blocks are numbered without gaps, and go from the front.
    fn count(&mut self, number: u64, change: impl FnOnce(usize) -> usize) {
        let first = self.blocks.front().map_or(number, |block| block.number);
        let at = number
            .checked_sub(first)
            .and_then(|at| usize::try_from(at).ok());
        if let Some(block) = at.and_then(|at| self.blocks.get_mut(at)) {
            block.left = change(block.left);
        }
    }
}

/// A block's value in sled.
pub(super) fn encode_block(changes: &[RowChange]) -> Vec<u8> {
    let changes = changes.iter().map(|(key, value)| {
        let value = value.as_deref().map(Plain::new);
        (Plain::new(key), value)
    });
    let changes: Vec<_> = changes.collect();
    encode_versioned(VERSION, &changes)
}

/// # Errors
/// When it is not a block of this version.
pub(super) fn decode_block(bytes: &[u8]) -> Result<Changes, VersionError> {
    let changes: Vec<(ByteBuf, Option<ByteBuf>)> = decode_versioned(VERSION, bytes)?;
    let shared = |(key, value): (ByteBuf, Option<ByteBuf>)| {
        let value = value.map(|value| value.into_vec().into());
        (key.into_vec().into(), value)
    };
    Ok(changes.into_iter().map(shared).collect())
}

#[cfg(test)]
mod tests;
