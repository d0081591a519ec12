//! Leadership transfer: while the leader's clock is off, and before the leader stops.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::log_clock::LogClock;
use super::status::Leadership;
use super::successors::Successors;

/// Time for a stopping leader to see another leader.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for a voter that was asked to take over to ask for votes; then the next one is asked. Two
/// that do so in one term would reject each other.
const ELECTION_WAIT: Duration = Duration::from_millis(50);
/// Pause between checks of the leader's clock.
const CLOCK_CHECK_PAUSE: Duration = Duration::from_millis(500);

/// Transfers leadership while this node's clock is off. Never returns.
pub(crate) async fn transfer_while_clock_is_off(clock: &LogClock, successors: &dyn Successors) {
    loop {
        sleep(CLOCK_CHECK_PAUSE).await;
        if !clock.node.leadership.borrow().here {
            continue;
        }
        if !clock.now().is_some_and(|time| time.should_transfer) {
            continue;
        }
        if let Some(successor) = median_node(clock.others())
            && successors.is_reached(successor).await
        {
            tracing::warn!(
                successor = successor.0,
                "this node's clock is off; transferring the leadership"
            );
            successors.transfer_to(successor).await;
        }
    }
}

/// Transfers leadership, if this node has it, and waits for another leader.
pub(crate) async fn transfer_before_stop(
    mut leadership: watch::Receiver<Leadership>,
    successors: &dyn Successors,
) {
    if !leadership.borrow().here || successors.longest_log_first().is_empty() {
        return;
    }
    let replaced = async {
        ask_in_turn(&mut leadership, successors).await;
        let replaced = leadership.wait_for(|now| !now.here && now.leader.is_some());
        // The sender is gone once consensus has ended, and then nothing is to be waited for.
        let _ = replaced.await;
    };
    if timeout(TRANSFER_TIMEOUT, replaced).await.is_err() {
        tracing::warn!("no other node took over the leadership in time; stopping anyway");
    }
}

/// Asks one voter after another that can be reached, until this node leads no more.
async fn ask_in_turn(leadership: &mut watch::Receiver<Leadership>, successors: &dyn Successors) {
    loop {
        for voter in successors.longest_log_first() {
            if !successors.is_reached(voter).await {
                tracing::debug!(voter = voter.0, "not reached, so it is not asked to lead");
                continue;
            }
            successors.transfer_to(voter).await;
            if has_stepped_down(leadership).await {
                return;
            }
        }
        if has_stepped_down(leadership).await {
            return;
        }
    }
}

/// Whether this node leads no more, or stops to within a short time: another asks for votes.
async fn has_stepped_down(leadership: &mut watch::Receiver<Leadership>) -> bool {
    let stepped_down = leadership.wait_for(|now| !now.here);
    timeout(ELECTION_WAIT, stepped_down).await.is_ok()
}

/// The node with the median of these clocks.
fn median_node(clocks: BTreeMap<NodeId, Millis>) -> Option<NodeId> {
    let mut clocks: Vec<(Millis, NodeId)> =
        clocks.into_iter().map(|(node, at)| (at, node)).collect();
    clocks.sort_unstable();
    let middle = clocks.len().checked_sub(1)? / 2;
    clocks.get(middle).map(|(_, node)| *node)
}
