//! The version of the entries that the leader writes.
//!
//! Law: the leader writes a version that every member reads, as far as it has been told of late,
//! and none below what the log has had. So the nodes can be updated one after another: the log goes
//! on in the version of the oldest program, and changes to the new one once the last node has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// For how long what a member has told counts: it may be started again with an older program.
/// Followers tell it with each heartbeat.
const TOLD_FOR: Duration = Duration::from_secs(5);

/// What the other members read, in their own words, and what the log has had.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    told: Mutex<BTreeMap<NodeId, Told>>,
    /// Never goes back, so that it is read no more once it is the newest.
    reached: AtomicU16,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    newest: u16,
    at: Instant,
}

impl Versions {
    /// Takes the newest version that a member reads.
    pub fn record(&self, node: NodeId, newest: u16, at: Instant) {
        self.told.lock().insert(node, Told { newest, at });
    }

    /// The version of the next entry: `own` is the newest that this node reads, `reached` tells the
    /// one that the log has had, `others` all other members.
    pub fn next(
        &self,
        own: u16,
        reached: impl FnOnce() -> u16,
        others: impl FnOnce() -> Vec<NodeId>,
        now: Instant,
    ) -> u16 {
        let known = self.reached.load(Ordering::Acquire);
        if own <= known {
            return known;
        }
        let reached = reached();
        let reached = self
            .reached
            .fetch_max(reached, Ordering::AcqRel)
            .max(reached);
        if own <= reached {
            return reached;
        }
        let told = self.told.lock();
        let newest = |node| match told.get(&node) {
            Some(told) if now < told.at + TOLD_FOR => told.newest,
            _ => reached,
        };
        let all_read = others().into_iter().map(newest).fold(own, u16::min);
        all_read.max(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: [NodeId; 2] = [NodeId(2), NodeId(3)];

    #[test]
    fn a_later_version_is_written_once_every_member_reads_it() {
        let (versions, now) = (Versions::default(), Instant::now());
        let next = |own, reached| versions.next(own, || reached, || OTHERS.into(), now);
        // given a leader that was updated first
        assert_eq!(next(7, 6), 6, "nobody has told anything");
        versions.record(NodeId(2), 7, now);
        assert_eq!(next(7, 6), 6, "node 3 has told nothing");
        versions.record(NodeId(3), 6, now);
        assert_eq!(next(7, 6), 6, "node 3 has the old program");
        versions.record(NodeId(3), 8, now);
        assert_eq!(next(7, 6), 7);
        assert_eq!(next(9, 6), 7, "as node 2 reads");
    }

    #[test]
    fn the_version_does_not_go_back_and_what_was_told_long_ago_does_not_count() {
        let (versions, now) = (Versions::default(), Instant::now());
        let next = |own, reached, now| versions.next(own, || reached, || OTHERS.into(), now);
        for node in OTHERS {
            versions.record(node, 6, now);
        }
        assert_eq!(next(7, 7, now), 7);
        assert_eq!(next(7, 6, now), 7, "what was reached is remembered");
        for node in OTHERS {
            versions.record(node, 8, now);
        }
        assert_eq!(next(8, 7, now), 8);
        assert_eq!(next(8, 7, now + TOLD_FOR), 7);
    }
}
