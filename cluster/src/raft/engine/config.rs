//! Settings of openraft, with the reasons for their values.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};
use openraft::{Config, ConfigError, SnapshotPolicy};

/// Most entries in one append; the byte limit in `network` applies as well.
const MAX_PAYLOAD_ENTRIES: u64 = 256;
/// Entries between two fixed indexes of the log, at which states are signed and snapshots taken.
pub const SNAPSHOT_AFTER_ENTRIES: u64 = 50_000;
/// Intervals between snapshots of which the log keeps the entries before the newest one. The
/// snapshot before it is useful only while the log reaches it: for a node whose newest one is
/// damaged, and whose state was not synced.
const INTERVALS_KEPT: u64 = 2;
/// Entries purged at a time.
const PURGE_BATCH: u64 = 512;
/// Only passed on to the network, which has its own limits for each chunk and for the install.
const INSTALL_SNAPSHOT_MILLIS: u64 = 120_000;
/// Pauses between attempts to replicate to an unreachable node.
const REPLICATION_BACKOFF: &str = "20ms 40ms 80ms ...300ms";

/// Heartbeat and election timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Interval of heartbeats.
    pub heartbeat: Duration,
    /// Shortest election timeout.
    pub election_min: Duration,
    /// Longest election timeout; also the length of the leader's lease.
    pub election_max: Duration,
}

impl Default for Timing {
    /// Measured: see docs/BENCHMARKS.md. The least timeout is three heartbeats and a tick. Each
    /// voter has a part of the range: see `election_slot`.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(30),
            election_min: Duration::from_millis(100),
            election_max: Duration::from_millis(170),
        }
    }
}

/// openraft's configuration of the node with this id among the voters.
pub(crate) fn openraft_config(
    all: Timing,
    voters: &BTreeSet<NodeId>,
    id: NodeId,
    snapshot_after: u64,
) -> Result<Arc<Config>, ConfigError> {
    let config = |timing: Timing| Config {
        cluster_name: "cameo".into(),
        heartbeat_interval: whole_millis(timing.heartbeat),
        election_timeout_min: whole_millis(timing.election_min),
        election_timeout_max: whole_millis(timing.election_max),
        // A node that was cut off for a while must not depose a leader by its term when it is back.
        enable_pre_vote: Some(true),
        // A restarted leader needs an election: the state machine is not synced on apply.
        enable_leader_restore: Some(false),
        // A voter whose disk was put back is sent again what it has lost. Otherwise its answer ends
        // the leader of a debug build, and in a release build it never catches up with this leader.
        allow_log_reversion: Some(true),
        // A leader without answers from a quorum stops sending, so that the others elect.
        quorum_loss_probe_interval: Some(3 * whole_millis(all.election_max)),
        max_payload_entries: MAX_PAYLOAD_ENTRIES,
        install_snapshot_timeout: INSTALL_SNAPSHOT_MILLIS,
        // A snapshot is taken at fixed indexes, and openraft learns of it when it is certified.
        snapshot_policy: SnapshotPolicy::Never,
        replication_lag_threshold: 2 * snapshot_after,
        max_in_snapshot_log_to_keep: INTERVALS_KEPT * snapshot_after,
        purge_batch_size: PURGE_BATCH.min(snapshot_after),
        backoff: REPLICATION_BACKOFF.into(),
        ..Config::default()
    };
    // A part of an impossible range may be possible.
    config(all).validate()?;
    Ok(Arc::new(config(all.among(voters, id)).validate()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of_three(timing: Timing) -> Result<Arc<Config>, ConfigError> {
        let voters = [1, 2, 3].map(NodeId).into();
        openraft_config(timing, &voters, NodeId(2), SNAPSHOT_AFTER_ENTRIES)
    }

    #[test]
    fn the_default_timing_is_valid_and_an_impossible_one_is_refused() {
        let config = of_three(Timing::default()).unwrap();
        assert_eq!(config.enable_pre_vote, Some(true));
        let impossible = Timing {
            heartbeat: Duration::from_millis(100),
            ..Timing::default()
        };
        assert!(of_three(impossible).is_err());
    }
}
