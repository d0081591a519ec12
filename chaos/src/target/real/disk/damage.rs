//! A bit that reads see turned around.
//!
//! Which one is chosen at a read, by chance: a bit that nobody reads shows nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// One read in so many is damaged, the last of them surely.
const ONE_IN: u64 = 4;

/// Damage to one of the files that were closed when it came.
#[derive(Debug)]
pub(super) struct Damage {
    /// Numbers of these files.
    closed: BTreeSet<u64>,
    rng: StdRng,
    /// Reads that can still pass undamaged.
    may_pass: u64,
    bit: Option<Bit>,
}

/// The bit, once it is chosen.
#[derive(Debug, Clone, Copy)]
struct Bit {
    file: u64,
    offset: u64,
    mask: u8,
}

impl Damage {
    pub(super) fn new(closed: impl IntoIterator<Item = u64>, choice: u64) -> Self {
        Self {
            closed: closed.into_iter().collect(),
            rng: StdRng::seed_from_u64(choice),
            may_pass: ONE_IN - 1,
            bit: None,
        }
    }

    /// The file whose bit is turned around.
    pub(super) fn file(&self) -> Option<u64> {
        self.bit.map(|bit| bit.file)
    }

    /// Damages what was read of a file at an offset. Whether it did.
    pub(super) fn read(&mut self, file: u64, offset: u64, bytes: &mut [u8]) -> bool {
        if self.bit.is_none() && self.closed.contains(&file) {
            self.bit = self.chosen(file, offset, bytes.len() as u64);
        }
        let byte = self.bit.filter(|bit| bit.file == file).and_then(|bit| {
            let at = usize::try_from(bit.offset.checked_sub(offset)?).ok()?;
            Some((bytes.get_mut(at)?, bit.mask))
        });
        match byte {
            Some((byte, mask)) => {
                *byte ^= mask;
                true
            }
            None => false,
        }
    }

    /// Whether a write to a file has put other bytes in the place of the damaged one.
    pub(super) fn is_over(&self, file: u64, written: &Range<u64>) -> bool {
        let bit = self.bit.filter(|bit| bit.file == file);
        bit.is_some_and(|bit| written.contains(&bit.offset))
    }

    fn chosen(&mut self, file: u64, offset: u64, length: u64) -> Option<Bit> {
        if length == 0 {
            return None;
        }
        if self.rng.random_range(0..=self.may_pass) != 0 {
            self.may_pass -= 1;
            return None;
        }
        Some(Bit {
            file,
            offset: offset + self.rng.random_range(0..length),
            mask: 1 << self.rng.random_range(0..8),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_damage_when_closed_files_are_read_again_and_again_then_one_bit_differs_each_time() {
        for choice in 0..200 {
            println!("choice {choice}");
            let mut damage = Damage::new([7], choice);
            let mut other = [0_u8; 64];
            assert!(!damage.read(8, 0, &mut other), "it was open");
            let hit = (0..ONE_IN).find(|_| damage.read(7, 64, &mut [0; 64]));
            assert!(hit.is_some(), "never");
            assert_eq!(damage.file(), Some(7));
            let mut bytes = [0_u8; 256];
            assert!(damage.read(7, 0, &mut bytes));
            let turned: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(turned, 1);
            assert!(bytes[64..128].iter().any(|byte| *byte != 0));
            assert!(damage.is_over(7, &(64..128)) && !damage.is_over(7, &(0..64)));
        }
    }
}
