//! The nodes of a run that lie.

use cameo_common::ids::NodeId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// Apart from the seeds of the lanes.
const LIARS: u64 = 0x4c49_4152 << 32;

/// The nodes that lie in a run with lies, ordered: at least one, and fewer than release a view. A
/// pure function of the seed. None of fewer than three nodes.
#[must_use]
pub fn liars(seed: u64, nodes: u64) -> Vec<NodeId> {
    let mut rng = StdRng::seed_from_u64(seed ^ LIARS);
    let most = nodes.saturating_sub(1) / 2;
    if most == 0 {
        return Vec::new();
    }
    let mut liars: Vec<_> = (1..=nodes).map(NodeId).collect();
    liars.shuffle(&mut rng);
    liars.truncate(rng.random_range(1..=most) as usize);
    liars.sort_unstable();
    liars
}
