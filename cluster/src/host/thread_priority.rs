//! Which of this node's threads go first; where the kernel does not take it, the node runs without.

/// Consensus, and the disk that it waits for: this thread, and those that it starts.
pub(crate) fn raise() {
    if let Err(why) = cameo_sched::raise() {
        tracing::warn!(%why, "consensus may wait for a tick of the kernel's before it has its turn");
    }
}

/// Image jobs: this thread, behind all others of the node.
pub(crate) fn lower() {
    if let Err(why) = cameo_sched::lower() {
        tracing::warn!(%why, "job threads compete with consensus as equals");
    }
}
