//! Source of a node's random numbers: the system, or a seed in the simulator.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::{StdRng, SysError, SysRng};
use rand::{Rng, SeedableRng, TryRng};

/// A cryptographic generator; clones share it.
#[derive(Clone)]
pub struct NodeRng(Arc<Mutex<StdRng>>);

impl NodeRng {
    /// Seeded by the system.
    ///
    /// # Errors
    /// When the system provides no random bytes.
    pub fn of_system() -> Result<Self, SysError> {
        StdRng::try_from_rng(&mut SysRng).map(Self::of)
    }

    /// With a fixed seed, for the simulator and for tests.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self::of(StdRng::seed_from_u64(seed))
    }

    fn of(generator: StdRng) -> Self {
        Self(Arc::new(Mutex::new(generator)))
    }

    /// A separate generator for one task.
    #[must_use]
    pub fn generator(&self) -> StdRng {
        StdRng::from_rng(&mut *self.0.lock())
    }

    /// A random number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.lock().next_u64()
    }
}

impl fmt::Debug for NodeRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeRng")
    }
}

/// 32 bytes from the system.
pub(crate) fn system_bytes() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| format!("the system provides no random bytes: {error}"))?;
    Ok(bytes)
}
