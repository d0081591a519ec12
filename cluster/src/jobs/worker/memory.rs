//! Memory budget for jobs.
//!
//! There are two sums, each with its own limit. An input counts from the check of its ticket, by
//! the size in the ticket, until its job has ended; an input that does not fit is refused for now.
//! Pictures count from the beginning of the work, by the size in the cover's header, and the
//! carrier counts until its client has fetched it; a job that does not fit waits at the head of the
//! queue. The sums are separate so that waiting inputs never take the memory of the work that would
//! free them.

use cameo_codec::job::MAX_INPUT;

const MIB: u64 = 1 << 20;

/// Memory for inputs beside the longest one, for each slot: one long upload does not block the
/// others.
const INPUTS_PER_SLOT: u64 = 64 * MIB;
/// Memory of the largest job that the codec takes: 96 megapixels with `alpha`, with the longest
/// payload.
const LARGEST_PICTURES: u64 = 1344 * MIB;
/// Memory for pictures is at least that of the largest job, and this much for each slot: a job of
/// 30 megapixels.
const PICTURES_PER_SLOT: u64 = 256 * MIB;
/// Inputs get 1/5 of a budget that an operator sets.
const INPUTS_FRACTION: u64 = 5;

/// Limits in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub inputs: u64,
    /// Decoded pictures, and carriers that have not been fetched yet.
    pub pictures: u64,
}

impl Budget {
    /// Enough for any job, and for an ordinary job in every slot.
    #[must_use]
    pub fn for_slots(slots: u32) -> Self {
        let slots = u64::from(slots);
        Self {
            inputs: MAX_INPUT as u64 + slots * INPUTS_PER_SLOT,
            pictures: (slots * PICTURES_PER_SLOT).max(LARGEST_PICTURES),
        }
    }

    /// A budget of `bytes` in all.
    #[must_use]
    pub fn of_total(bytes: u64) -> Self {
        let inputs = bytes / INPUTS_FRACTION;
        Self {
            inputs,
            pictures: bytes - inputs,
        }
    }
}

/// Memory in use, of a [`Budget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUse {
    pub inputs: u64,
    pub pictures: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cameo_codec::limits::{MAX_CARRIER_PIXELS, MAX_PAYLOAD_BYTES};
    use cameo_codec::{HideOptions, Memory};

    #[test]
    fn the_default_budget_has_room_for_any_job_of_the_codec() {
        let budget = Budget::for_slots(1);
        for options in [HideOptions::alpha(), HideOptions::veil(1)] {
            let pixels = Memory::pixels_within(budget.pictures, MAX_PAYLOAD_BYTES, &options);
            assert!(pixels >= MAX_CARRIER_PIXELS, "{options:?}: {pixels}");
        }
        assert!(budget.inputs > MAX_INPUT as u64);
        assert!(Budget::for_slots(32).pictures > budget.pictures);
    }

    #[test]
    fn inputs_and_pictures_sum_up_to_the_total() {
        for bytes in [0, 1, 999, 512 * MIB] {
            let budget = Budget::of_total(bytes);
            assert_eq!(budget.inputs + budget.pictures, bytes);
        }
    }
}
