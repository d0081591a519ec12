//! What this node knows of who belongs to the cluster, and so who may speak on its links.

use std::sync::{Arc, OnceLock};

use cameo_common::ids::{ClusterId, NodeId};
use openraft::async_runtime::WatchReceiver;
use tokio::sync::watch;

use super::bootstrap_state::BootstrapState;
use crate::consensus_types::Member;
use crate::link::{Admission, KnownKey};
use crate::raft::engine::consensus::Consensus;
use crate::raft::genesis::Genesis;

/// Membership as the log has it, and the genesis until the log has one.
pub(crate) struct MemberView {
    genesis: OnceLock<Arc<Genesis>>,
    /// Told `Formed` no earlier than the genesis is on the disk.
    pub state: watch::Sender<BootstrapState>,
    pub consensus: OnceLock<Arc<dyn Consensus>>,
}

impl MemberView {
    /// Of a node that belongs nowhere yet, and why.
    pub fn new(why: &str) -> Self {
        Self {
            genesis: OnceLock::new(),
            state: watch::Sender::new(BootstrapState::Waiting { why: why.into() }),
            consensus: OnceLock::new(),
        }
    }

    /// The genesis of this node's cluster is on the disk.
    pub fn belongs(&self, genesis: Genesis) {
        // Set once: a node never changes its cluster.
        let _again = self.genesis.set(Arc::new(genesis));
    }

    /// All that has to come before the log is done.
    pub fn formed(&self) {
        if let Some(genesis) = self.genesis() {
            self.state.send_if_modified(|state| {
                let news = !matches!(state, BootstrapState::Formed { .. });
                *state = BootstrapState::Formed { genesis };
                news
            });
        }
    }

    /// This node will not come into a cluster as it was started, and why.
    pub fn refused(&self, why: String) {
        self.state.send_replace(BootstrapState::Refused { why });
    }

    pub fn genesis(&self) -> Option<Arc<Genesis>> {
        self.genesis.get().cloned()
    }

    /// A member, as the latest membership has it.
    pub fn member(&self, node: NodeId) -> Option<Member> {
        let from_log = self
            .consensus
            .get()
            .and_then(|consensus| consensus.member(node));
        from_log.or_else(|| self.genesis()?.membership().remove(&node))
    }

    /// Whether a node votes, as far as is known here. One that was given a vote and has not heard of it
    /// yet is missed for a moment; one that has none, and votes, is never counted anyway.
    pub fn votes(&self, node: NodeId) -> bool {
        let from_log = self.consensus.get().and_then(|consensus| {
            let metrics = consensus.metrics();
            let metrics = metrics.borrow_watched();
            let mut voters = metrics.membership_config.voter_ids().peekable();
            voters.peek()?;
            Some(voters.any(|voter| voter == node))
        });
        from_log.unwrap_or_else(|| {
            self.genesis()
                .is_some_and(|genesis| genesis.member(node).is_some())
        })
    }
}

impl Admission for MemberView {
    fn cluster(&self) -> Option<ClusterId> {
        self.genesis().map(|genesis| genesis.cluster_id())
    }

    fn key_of(&self, node: NodeId) -> KnownKey {
        match self.member(node) {
            Some(member) => KnownKey::Is(member.key),
            None => KnownKey::Unknown,
        }
    }
}
