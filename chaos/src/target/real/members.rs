//! All nodes of a run, those that joined later too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{NodeStatus, StateHash, paths};
use cameo_common::ids::{ClusterId, NodeId};
use cameo_harness::{TimedOut, until};
use parking_lot::RwLock;

use super::member::Member;

/// Longest time until nodes agree, once all faults are over.
const AGREE_WITHIN: Duration = Duration::from_secs(60);

/// The nodes by id.
#[derive(Debug, Default)]
pub struct Members(RwLock<BTreeMap<NodeId, Arc<Member>>>);

impl Members {
    /// Adds one.
    pub fn add(&self, member: Member) -> Arc<Member> {
        let member = Arc::new(member);
        self.0.write().insert(member.id, member.clone());
        member
    }

    /// Forgets one.
    pub fn forget(&self, id: NodeId) {
        self.0.write().remove(&id);
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<Arc<Member>> {
        self.0.read().get(&id).cloned()
    }

    /// All of them, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Member>> {
        self.0.read().values().cloned().collect()
    }

    /// What `cameo init` takes: the URL of each, with the cluster's fingerprint.
    #[must_use]
    pub fn urls(&self, cluster: ClusterId) -> String {
        let members = self.all();
        let urls = members
            .iter()
            .map(|member| format!("{}#{cluster}", member.relay.url()));
        urls.collect::<Vec<_>>().join(",")
    }

    /// What each says of itself now.
    async fn statuses(&self) -> Vec<Option<NodeStatus>> {
        let members = self.all();
        let asked = members.iter().map(|member| member.ask(paths::STATUS));
        futures_util::future::join_all(asked).await
    }

    /// Waits until all agree on a leader and have applied what any of them has committed at some
    /// moment after the call.
    ///
    /// # Errors
    /// When they do not in time.
    pub async fn agreed(&self) -> Result<(), TimedOut> {
        let what = "one leader, and each node to have applied what is committed";
        let goal = until(what, AGREE_WITHIN, async || {
            let statuses: Option<Vec<_>> = self.statuses().await.into_iter().collect();
            let statuses = statuses?;
            let first = statuses.first()?;
            let leader = first.leader?;
            let one =
                |status: &NodeStatus| (status.term, status.leader) == (first.term, Some(leader));
            statuses.iter().all(one).then_some(())?;
            statuses.iter().map(|status| status.committed).max()
        })
        .await?;
        until(what, AGREE_WITHIN, async || {
            let statuses = self.statuses().await;
            let mut statuses = statuses.into_iter();
            statuses
                .all(|status| status.is_some_and(|status| status.applied >= goal))
                .then_some(())
        })
        .await
    }

    /// Waits until all nodes are at one index, so that their states can be compared (law D3).
    ///
    /// # Errors
    /// When they are not in time.
    pub async fn states(&self) -> Result<Vec<(NodeId, StateHash)>, TimedOut> {
        until("all nodes at one index", AGREE_WITHIN, async || {
            let members = self.all();
            let asked = members
                .iter()
                .map(|member| member.ask::<StateHash>(paths::STATE_HASH));
            let states: Option<Vec<_>> = futures_util::future::join_all(asked)
                .await
                .into_iter()
                .collect();
            let states = states?;
            let index = states.first()?.applied;
            let one = states.iter().all(|state| state.applied == index);
            one.then(|| members.iter().map(|member| member.id).zip(states).collect())
        })
        .await
    }
}
