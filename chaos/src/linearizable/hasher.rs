//! A quick hash for the memory of the search: nobody chooses its keys to collide.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds [`Quick`].
pub type BuildQuick = BuildHasherDefault<Quick>;

/// Eight bytes a step: rotate, mix in, multiply by an odd constant (as rustc's own tables do).
#[derive(Debug, Clone, Copy, Default)]
pub struct Quick(u64);

const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    /// The best bits are the high ones; a table takes the low ones too.
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}
