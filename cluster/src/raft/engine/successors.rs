//! The voters that may take over the leadership, and whether they can be asked to.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;

use super::consensus::Consensus;
use crate::link::{Lane, Links};

/// Time for a connection to a voter that has none: it dials in a few milliseconds, or is down.
const CONNECT_WAIT: Duration = Duration::from_millis(10);

/// What a transfer needs of consensus and links.
pub(crate) trait Successors: Send + Sync {
    /// The other voters, the longest replicated log first; none while this node does not lead.
    fn longest_log_first(&self) -> Vec<NodeId>;
    /// Whether the request would arrive. openraft sends it once, and proposes nothing from then on.
    fn is_reached(&self, voter: NodeId) -> BoxFuture<'_, bool>;
    /// Asks this voter to take over.
    fn transfer_to(&self, voter: NodeId) -> BoxFuture<'_, ()>;
}

/// The other voters of this node's membership.
pub(crate) struct OtherVoters {
    pub me: NodeId,
    pub consensus: Arc<dyn Consensus>,
    pub links: Links,
}

impl Successors for OtherVoters {
    fn longest_log_first(&self) -> Vec<NodeId> {
        let voters = self.consensus.voters();
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        let Some(replication) = &metrics.replication else {
            return Vec::new();
        };
        let others = voters.into_iter().filter(|voter| *voter != self.me);
        let mut others: Vec<_> = others
            .map(|voter| {
                let matching = replication.get(&voter).and_then(Option::as_ref);
                (matching.map(|id| id.index()), voter)
            })
            .collect();
        others.sort_by_key(|(matching, _)| Reverse(*matching));
        others.into_iter().map(|(_, voter)| voter).collect()
    }

    fn is_reached(&self, voter: NodeId) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let Some(member) = self.consensus.member(voter) else {
                return false;
            };
            // The lane that the request takes.
            let link = self.links.member(voter, &member.link, Lane::Heartbeat);
            link.ready(Instant::now() + CONNECT_WAIT).await.is_ok()
        })
    }

    fn transfer_to(&self, voter: NodeId) -> BoxFuture<'_, ()> {
        self.consensus.transfer_leader(voter)
    }
}
