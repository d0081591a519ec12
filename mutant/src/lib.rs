//! Mutants: bugs that are planted on purpose, to show that the checks of `cameo-chaos` notice them.
//!
//! Code that has a mutant asks [`is_planted`]. Without the feature `planted` that is the constant
//! `false`, and the compiler removes the mutant: no program that is shipped has one. With it, a
//! program plants at most one mutant, before it does anything else, and never changes it. So the
//! replicated machine stays a function of state and entry, also with a bug in it: it reads no
//! environment, and answers the same for as long as the process lives. That is why this is a crate
//! of its own, below the machine.

mod name;
#[cfg(feature = "planted")]
mod planted;

pub use name::{Mutant, UnknownMutant};
#[cfg(feature = "planted")]
pub use planted::{
    NEXT_ENTRY_VERSION, PlantError, VARIABLE, is_planted, plant, plant_from_environment,
};

/// Whether this bug is planted: never, in a program without the feature.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is_planted(_: Mutant) -> bool {
    false
}

/// What the wall clock adds to log time where that bug is planted, in milliseconds.
#[inline(always)]
#[must_use]
pub fn added_by_wall_clock() -> u64 {
    #[cfg(feature = "planted")]
    if is_planted(Mutant::WallClockInApply) {
        return planted::wall_clock_remainder();
    }
    0
}

/// By how much this program's newest version of entries is above that of its sources: for tests of
/// an update between two builds. No bug, so that it is none of the mutants.
#[inline(always)]
#[must_use]
pub fn added_entry_version() -> u16 {
    #[cfg(feature = "planted")]
    return planted::added_entry_version();
    #[cfg(not(feature = "planted"))]
    0
}
