//! Jobs that are lost when the leader changes, where that bug is planted.

use cameo_common::ids::NodeId;

/// Whether a worker loses a job that it has done: never.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(super) fn is_lost(_: NodeId, _: u64) -> bool {
    false
}

/// The same with the bug: the first job of a term that is not the worker's first is lost.
#[cfg(feature = "mutants")]
pub(super) fn is_lost(worker: NodeId, term: u64) -> bool {
    use std::collections::HashMap;
    use std::sync::LazyLock;

    use cameo_mutant::{Mutant, is_planted};
    use parking_lot::Mutex;

    static TERMS: LazyLock<Mutex<HashMap<NodeId, u64>>> = LazyLock::new(Mutex::default);

    let before = TERMS.lock().insert(worker, term);
    is_planted(Mutant::JobLostOnLeaderChange) && before.is_some_and(|before| before < term)
}
