//! The numbers that Raft runs by, and why they are what they are.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::whole_millis;
use openraft::{Config, ConfigError, SnapshotPolicy};

/// Entries in one append. With the byte limit of `network`, whichever is met first.
const MAX_PAYLOAD_ENTRIES: u64 = 256;
/// Entries after which a snapshot is made.
pub const SNAPSHOT_AFTER_ENTRIES: u64 = 50_000;
/// Entries kept behind a snapshot, so that a node that was away for a moment needs none.
const KEPT_BEHIND_SNAPSHOT: u64 = 5_000;
/// Entries purged at a time.
const PURGE_BATCH: u64 = 512;
/// Only passed on to the network, which sets its own limit for each chunk and the install.
const INSTALL_SNAPSHOT_MILLIS: u64 = 120_000;
/// Pauses between attempts to replicate to a node that cannot be reached.
const REPLICATION_BACKOFF: &str = "20ms 40ms 80ms ...300ms";

/// The clockwork of elections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// Shortest election timeout.
    pub election_min: Duration,
    /// Longest election timeout; also the leader's lease.
    pub election_max: Duration,
}

impl Default for Timing {
    /// Measured: kill -9 of the leader leaves a write gap of 312-374 ms with these; with openraft's
    /// own defaults 491-607 ms.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(30),
            election_min: Duration::from_millis(100),
            election_max: Duration::from_millis(180),
        }
    }
}

/// openraft's configuration.
pub(crate) fn openraft_config(
    timing: Timing,
    snapshot_after: u64,
) -> Result<Arc<Config>, ConfigError> {
    let config = Config {
        cluster_name: "cameo".into(),
        heartbeat_interval: whole_millis(timing.heartbeat),
        election_timeout_min: whole_millis(timing.election_min),
        election_timeout_max: whole_millis(timing.election_max),
        // A node cut off for a while must not depose a leader by its term when it is back.
        enable_pre_vote: Some(true),
        // A restarted leader is elected again: the state machine is not synced on apply.
        enable_leader_restore: Some(false),
        // A leader that sends but hears no quorum goes quiet, so that the others elect.
        quorum_loss_probe_interval: Some(3 * whole_millis(timing.election_max)),
        max_payload_entries: MAX_PAYLOAD_ENTRIES,
        install_snapshot_timeout: INSTALL_SNAPSHOT_MILLIS,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(snapshot_after),
        replication_lag_threshold: 2 * snapshot_after,
        max_in_snapshot_log_to_keep: KEPT_BEHIND_SNAPSHOT.min(snapshot_after),
        purge_batch_size: PURGE_BATCH.min(snapshot_after),
        backoff: REPLICATION_BACKOFF.into(),
        ..Config::default()
    };
    Ok(Arc::new(config.validate()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_timing_is_valid_and_an_impossible_one_is_refused() {
        let config = openraft_config(Timing::default(), SNAPSHOT_AFTER_ENTRIES).unwrap();
        assert_eq!(config.enable_pre_vote, Some(true));
        let impossible = Timing {
            heartbeat: Duration::from_millis(100),
            ..Timing::default()
        };
        assert!(openraft_config(impossible, SNAPSHOT_AFTER_ENTRIES).is_err());
    }
}
