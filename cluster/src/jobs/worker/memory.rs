//! What jobs may take of the node's memory.
//!
//! Two sums are kept, each within its limit. An input counts from the check of its ticket, by the size that the
//! ticket names, until its job has ended: what finds no room is refused for now. Pictures count from the
//! beginning of the work, by what the cover's header says, and the carrier until its client has taken it: a job
//! that finds no room waits at the head of the queue. Two sums and not one, so that inputs that wait never
//! take the room of the work that would free them.

use cameo_codec::job::MAX_INPUT;

const MIB: u64 = 1 << 20;

/// Room for inputs beside the longest one, for each slot: a long upload leaves others theirs.
const INPUT_A_SLOT: u64 = 64 * MIB;
/// The largest job that the codec takes: 96 megapixels, by `alpha`, with the longest payload.
const LARGEST_PICTURES: u64 = 1344 * MIB;
/// Room for pictures: those of the largest job, or so much in each slot: a job of 30 megapixels.
const PICTURES_A_SLOT: u64 = 256 * MIB;
/// Of a budget that an operator sets, inputs get one part in so many.
const INPUTS_PART: u64 = 5;

/// Limits in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub inputs: u64,
    /// Decoded pictures, and carriers that have not been taken yet.
    pub pictures: u64,
}

impl Budget {
    /// Room for any job, and for ordinary ones in all slots.
    #[must_use]
    pub fn for_slots(slots: u32) -> Self {
        let slots = u64::from(slots);
        Self {
            inputs: MAX_INPUT as u64 + slots * INPUT_A_SLOT,
            pictures: (slots * PICTURES_A_SLOT).max(LARGEST_PICTURES),
        }
    }

    /// So much in all.
    #[must_use]
    pub fn of_total(bytes: u64) -> Self {
        let inputs = bytes / INPUTS_PART;
        Self {
            inputs,
            pictures: bytes - inputs,
        }
    }
}

/// What is taken of a [`Budget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    pub inputs: u64,
    pub pictures: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cameo_codec::limits::{MAX_CARRIER_PIXELS, MAX_PAYLOAD_BYTES};
    use cameo_codec::{HideOptions, Memory};

    #[test]
    fn without_a_word_from_the_operator_any_job_of_the_codec_finds_room() {
        let budget = Budget::for_slots(1);
        for options in [HideOptions::alpha(), HideOptions::veil(1)] {
            let pixels = Memory::pixels_within(budget.pictures, MAX_PAYLOAD_BYTES, &options);
            assert!(pixels >= MAX_CARRIER_PIXELS, "{options:?}: {pixels}");
        }
        assert!(budget.inputs > MAX_INPUT as u64);
        assert!(Budget::for_slots(32).pictures > budget.pictures);
    }

    #[test]
    fn the_parts_are_the_whole() {
        for bytes in [0, 1, 999, 512 * MIB] {
            let budget = Budget::of_total(bytes);
            assert_eq!(budget.inputs + budget.pictures, bytes);
        }
    }
}
