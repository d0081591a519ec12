//! Leadership transfer: while the leader's clock is off, and before the leader stops.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use openraft::async_runtime::WatchReceiver;
use tokio::time::{sleep, timeout};

use super::consensus::Consensus;
use super::log_clock::LogClock;
use super::node_state::NodeState;

/// Time for a stopping leader to see another leader.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between checks of the leader's clock.
const CLOCK_CHECK_PAUSE: Duration = Duration::from_millis(500);

/// Transfers leadership while this node's clock is off. Never returns.
pub(crate) async fn transfer_while_clock_is_off(clock: &LogClock) {
    loop {
        sleep(CLOCK_CHECK_PAUSE).await;
        if !clock.node.leadership.borrow().here {
            continue;
        }
        if !clock.now().is_some_and(|time| time.should_transfer) {
            continue;
        }
        if let Some(successor) = median_node(clock.others()) {
            tracing::warn!(
                successor = successor.0,
                "this node's clock is off; transferring the leadership"
            );
            clock.consensus.transfer_leader(successor).await;
        }
    }
}

/// Transfers leadership, if this node has it, and waits for another leader.
pub(crate) async fn transfer_before_stop(node: &NodeState, consensus: &dyn Consensus) {
    let mut leadership = node.leadership.clone();
    if !leadership.borrow().here {
        return;
    }
    let Some(successor) = furthest_voter(node.id, consensus) else {
        return;
    };
    consensus.transfer_leader(successor).await;
    let replaced = leadership.wait_for(|now| !now.here && now.leader.is_some());
    if timeout(TRANSFER_TIMEOUT, replaced).await.is_err() {
        tracing::warn!(
            successor = successor.0,
            "no other node took over the leadership in time; stopping anyway"
        );
    }
}

/// The voter with the longest replicated log.
fn furthest_voter(id: NodeId, consensus: &dyn Consensus) -> Option<NodeId> {
    let voters = consensus.voters();
    let metrics = consensus.metrics();
    let metrics = metrics.borrow_watched();
    let replication = metrics.replication.as_ref()?;
    replication
        .iter()
        .filter(|(node, _)| **node != id && voters.contains(node))
        .max_by_key(|(_, matching)| matching.as_ref().map(|id| id.index()))
        .map(|(node, _)| *node)
}

/// The node with the median of these clocks.
fn median_node(clocks: BTreeMap<NodeId, Millis>) -> Option<NodeId> {
    let mut clocks: Vec<(Millis, NodeId)> =
        clocks.into_iter().map(|(node, at)| (at, node)).collect();
    clocks.sort_unstable();
    let middle = clocks.len().checked_sub(1)? / 2;
    clocks.get(middle).map(|(_, node)| *node)
}
