//! A process in which nothing is left to chance: random bytes from a seed, and a wall clock that
//! stands still.
//!
//! A simulation repeats to the byte only if every source of chance in its process does: the keys of
//! `HashMap`, the order in which tokio's `select!` polls, TLS's secrets, the date of an answer.
//! All of them come from calls of the C library, in whose place this crate puts its own, in every
//! program that links it. Until [`seed`] is called they pass the call on, so no other program
//! behaves otherwise.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod symbols;
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod symbols {
    pub(super) fn is_interposed() -> bool {
        false
    }
}

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static SEEDED: AtomicBool = AtomicBool::new(false);
static STATE: AtomicU64 = AtomicU64::new(0);
/// Seconds since 1970.
static WALL: AtomicU64 = AtomicU64::new(0);

/// This system's C library cannot be stood in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPossible;

impl std::fmt::Display for NotPossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("random numbers cannot be seeded on this system: it takes Linux with glibc")
    }
}

impl std::error::Error for NotPossible {}

/// From now on, all random bytes of this process come from `seed`, and its wall clock shows `wall`
/// seconds since 1970. For a process that does nothing but simulate: its keys are no secrets.
///
/// # Errors
/// Where this is not possible.
pub fn seed(seed: u64, wall: u64) -> Result<(), NotPossible> {
    if !symbols::is_interposed() {
        return Err(NotPossible);
    }
    STATE.store(seed, Ordering::SeqCst);
    WALL.store(wall, Ordering::SeqCst);
    SEEDED.store(true, Ordering::SeqCst);
    Ok(())
}

/// `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn next() -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = STATE.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&next().to_le_bytes()[..chunk.len()]);
    }
}
