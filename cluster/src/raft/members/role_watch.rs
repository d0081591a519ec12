//! Changes of this node's role while it runs: a worker that is promoted, and a voter that is
//! removed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::descriptor_exchange::DescriptorExchange;
use super::known_chain::KnownChain;
use super::local_member::LocalMember;

/// Pause between two looks at the state.
const STATE_CHECK: Duration = Duration::from_millis(250);
/// Pause between two questions whether this node is still a member.
const MEMBER_CHECK: Duration = Duration::from_secs(1);

/// What a voter is told that is no member any more.
pub(in crate::raft) fn removed_sentence(node: NodeId) -> String {
    format!(
        "node {node} was removed from the cluster: delete its folder; to let this machine join \
         again, start it with an empty --data folder and an --id that no node has had"
    )
}

/// The task that follows the applied descriptors.
pub(crate) struct RoleWatch {
    pub local: Arc<LocalMember>,
    pub descriptors: Arc<DescriptorExchange>,
    pub runs_as_voter: bool,
}

impl RoleWatch {
    /// Never returns before the role has changed.
    pub async fn run(self) {
        let watch = async {
            match self.runs_as_voter {
                true => self.until_removed().await,
                false => self.until_promoted().await,
            }
        };
        tokio::select! {
            () = watch => {}
            () = self.follow_state() => {}
        }
    }

    /// Keeps the chain as new as the state, at intervals: what needs it at once looks for itself.
    /// Never returns.
    async fn follow_state(&self) {
        loop {
            self.local.members.advance_by_state();
            sleep(STATE_CHECK).await;
        }
    }

    /// Law: by the applied state alone. A start goes by it, so that one by what others have shown
    /// would start as a worker again.
    async fn until_promoted(&self) {
        let (me, members) = (&self.local.me, &self.local.members);
        while !members.is_node_in_state(me.id, &me.key) {
            sleep(STATE_CHECK).await;
        }
        tracing::info!("this node is a voter now, and starts again as one");
        members.promoted.send_replace(true);
    }

    /// A removed voter is not notified, since it no longer receives the log.
    async fn until_removed(&self) {
        while !self.is_removed().await {
            sleep(MEMBER_CHECK).await;
        }
        let removed = removed_sentence(self.local.me.id);
        self.local.members.set_refused(removed);
    }

    /// Whether the newest descriptor lacks this node, and Raft's membership too.
    async fn is_removed(&self) -> bool {
        let (me, members) = (&self.local.me, &self.local.members);
        let Some(chain) = members.chain() else {
            return false;
        };
        if !chain.has(me.id, &me.key) || chain.newest().node(me.id).is_some() {
            return false;
        }
        let raft_voters = members.raft_voters();
        let is_dropped = !raft_voters.is_empty() && members.member(me.id).is_none();
        is_dropped || self.is_unknown_to_voters(&chain).await
    }

    /// Whether a majority of the present voters have this node no more among their members, or all
    /// whose address this node knows.
    async fn is_unknown_to_voters(&self, chain: &KnownChain) -> bool {
        let known: BTreeSet<NodeId> = chain
            .newest_ids()
            .into_iter()
            .filter(|id| self.local.members.member(*id).is_some())
            .collect();
        let needed = chain.newest().threshold().min(known.len()).max(1);
        let asked = known.into_iter().map(|id| self.descriptors.with(id));
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut denying = 0;
        while let Some(answer) = asked.next().await {
            if let Ok(false) = answer {
                denying += 1;
            }
            // One that answers slowly does not hold the others up.
            if denying >= needed {
                return true;
            }
        }
        false
    }
}
