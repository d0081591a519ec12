//! Fresh random bytes, for ids and keys that must not repeat with a seed.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// # Panics
/// When the operating system gives no randomness.
#[allow(clippy::expect_used)]
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system gives randomness");
    bytes
}
