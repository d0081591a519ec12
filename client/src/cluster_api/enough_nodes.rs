//! The word of enough nodes, each of its own state: one of them is honest.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::ClusterApi;

/// Bound on asking the nodes.
const ASK_DEADLINE: Duration = Duration::from_secs(3);

impl ClusterApi {
    /// Whether t nodes of the descriptor say so, each asked by its own key: with fewer than t
    /// liars, one of them is honest. For odd n these are the n - t + 1 without which no view is
    /// released. `says_so` must be of the node's own state, because what a leader answers by way
    /// of others is one word.
    pub async fn do_enough_say<F: Future<Output = bool>>(
        &self,
        says_so: impl Fn(NodeId) -> F,
    ) -> bool {
        let end = Instant::now() + ASK_DEADLINE;
        let Ok(Ok(descriptor)) = timeout_at(end, self.descriptor()).await else {
            return false;
        };
        let mut asked: FuturesUnordered<_> = descriptor
            .nodes
            .iter()
            .map(|node| {
                let (key, answer) = (node.key, says_so(node.id));
                async move { (key, answer.await) }
            })
            .collect();
        let mut saying = BTreeSet::new();
        while saying.len() < descriptor.threshold() {
            match timeout_at(end, asked.next()).await {
                Ok(Some((key, true))) => {
                    saying.insert(key);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }
}
