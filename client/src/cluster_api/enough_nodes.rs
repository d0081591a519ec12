//! The word of each node, and of enough of them, each of its own state: one of these is honest.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::{ClusterApi, ClusterError};

/// Bound on asking the nodes.
const ASK_DEADLINE: Duration = Duration::from_secs(3);

impl ClusterApi {
    /// The answers of all nodes of the descriptor, in its order, each asked once and by its own
    /// key. Those that fail or are late are left out.
    pub(super) async fn each_says<T, F>(&self, ask: impl Fn(NodeId) -> F) -> Vec<T>
    where
        F: Future<Output = Result<T, ClusterError>>,
    {
        let end = Instant::now() + ASK_DEADLINE;
        let Ok(Some(descriptor)) = timeout_at(end, self.known_descriptor()).await else {
            return Vec::new();
        };
        let asked = descriptor.nodes.iter();
        let answers = join_all(asked.map(|node| timeout_at(end, ask(node.id)))).await;
        answers.into_iter().flatten().flatten().collect()
    }

    /// Whether t nodes of the descriptor say so, each asked by its own key: with fewer than t
    /// liars, one of them is honest. For odd n these are the n - t + 1 without which no view is
    /// released. `says_so` must be of the node's own state, because what a leader answers by way
    /// of others is one word.
    pub async fn do_enough_say<F: Future<Output = bool>>(
        &self,
        says_so: impl Fn(NodeId) -> F,
    ) -> bool {
        let end = Instant::now() + ASK_DEADLINE;
        let Ok(Some(descriptor)) = timeout_at(end, self.known_descriptor()).await else {
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
