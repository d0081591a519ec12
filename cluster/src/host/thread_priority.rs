//! Priorities of this node's threads. Without the kernel's permission the node runs with equal
//! ones.

/// Raises the priority of this thread and those that it starts: consensus, and the disk it waits
/// for.
pub(crate) fn raise() {
    if let Err(why) = cameo_sched::raise() {
        tracing::warn!(
            %why,
            "cannot raise the priority of consensus; it may be delayed under load"
        );
    }
}

/// Lowers the priority of this thread below all others of the node: image jobs.
pub(crate) fn lower() {
    if let Err(why) = cameo_sched::lower() {
        tracing::warn!(%why, "cannot lower the priority of job threads; they may delay consensus");
    }
}
