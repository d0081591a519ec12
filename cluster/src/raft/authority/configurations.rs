//! Configurations of Raft only go on: from a descriptor to a later one, and never back.
//!
//! A leader that lies could otherwise name the nodes of an earlier descriptor as voters again, and
//! have a majority with nodes that have left, who are bound by nothing any more.

use std::sync::atomic::{AtomicU64, Ordering};

use cameo_common::ids::NodeId;

use crate::consensus_types::aliases::Membership;
use crate::raft::members::known_chain::KnownChain;

/// The number of the newest descriptor whose nodes are, or were, the voters of this node's log: of
/// a committed configuration, so that it is never cut.
#[derive(Debug, Default)]
pub(crate) struct NewestConfiguration(AtomicU64);

impl NewestConfiguration {
    /// Takes the latest membership of the log, if it is committed. Returns its number.
    pub(super) fn note(
        &self,
        chain: &KnownChain,
        membership: &Membership,
        is_committed: bool,
    ) -> u64 {
        let numbers = numbers(chain, membership, self.get());
        let first = numbers.map_or(0, |(first, _)| first);
        if is_committed {
            self.0.fetch_max(first, Ordering::AcqRel);
        }
        first
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The numbers of the descriptors that the configurations of a membership are of: one, or two while
/// it changes, the second of which is the later one. None where there are no such descriptors from
/// `from` on: then the membership goes back, or is of none.
///
/// Two descriptors may have the same nodes. The first number is the lowest that it can be, and the
/// last the highest.
pub(super) fn numbers(
    chain: &KnownChain,
    membership: &Membership,
    from: u64,
) -> Option<(u64, u64)> {
    let nodes = |config: &std::collections::BTreeSet<NodeId>| -> Option<Vec<(NodeId, [u8; 32])>> {
        let key_of = |id: &NodeId| Some((*id, membership.get_node(id)?.key));
        config.iter().map(key_of).collect()
    };
    let (first, last) = match membership.get_joint_config().as_slice() {
        [only] => (only, only),
        [before, after] => (before, after),
        // In one without any, nobody could be elected ever after.
        _ => return None,
    };
    let first = chain.first_with(&nodes(first)?, from)?;
    let last = chain.last_with(&nodes(last)?)?;
    (first <= last).then_some((first, last))
}
