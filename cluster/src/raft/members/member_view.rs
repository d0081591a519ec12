//! Members of the cluster as this node sees them: who may use its links.

use std::sync::{Arc, OnceLock};

use cameo_common::ids::{ClusterId, NodeId};
use tokio::sync::watch;

use super::bootstrap_state::BootstrapState;
use super::standing::Standing;
use crate::consensus_types::Member;
use crate::link::{KnownKey, KnownMembers};
use crate::raft::engine::consensus::Consensus;
use crate::raft::genesis::Genesis;

/// The membership of the log, or the genesis while the log has none.
pub(crate) struct MemberView {
    genesis: OnceLock<Arc<Genesis>>,
    /// `Formed` only after the genesis is on the disk.
    pub state: watch::Sender<BootstrapState>,
    pub consensus: OnceLock<Arc<dyn Consensus>>,
}

impl MemberView {
    /// A node without a cluster yet; `why` is the reason.
    pub fn new(why: &str) -> Self {
        Self {
            genesis: OnceLock::new(),
            state: watch::Sender::new(BootstrapState::Waiting { why: why.into() }),
            consensus: OnceLock::new(),
        }
    }

    /// Sets the genesis, which is on the disk.
    pub fn set_genesis(&self, genesis: Genesis) {
        // Set once: a node never changes its cluster.
        let _again = self.genesis.set(Arc::new(genesis));
    }

    /// Publishes that the node belongs to its cluster.
    pub fn set_formed(&self) {
        if let Some(genesis) = self.genesis() {
            self.state.send_if_modified(|state| {
                let news = !matches!(state, BootstrapState::Formed { .. });
                *state = BootstrapState::Formed { genesis };
                news
            });
        }
    }

    /// Publishes that this node cannot join with its present settings.
    pub fn set_refused(&self, why: String) {
        self.state.send_replace(BootstrapState::Refused { why });
    }

    pub fn genesis(&self) -> Option<Arc<Genesis>> {
        self.genesis.get().cloned()
    }

    /// A member of the latest membership.
    pub fn member(&self, node: NodeId) -> Option<Member> {
        let from_log = self
            .consensus
            .get()
            .and_then(|consensus| consensus.member(node));
        from_log.or_else(|| self.genesis()?.membership().remove(&node))
    }

    /// What a caller is to this cluster, by the key that it has proven.
    pub fn standing(&self, node: NodeId, key: &[u8; 32]) -> Standing {
        if self.key_of(node) != KnownKey::Is(*key) {
            return Standing::Outsider;
        }
        let genesis = self.genesis();
        match genesis.is_some_and(|genesis| genesis.member(node).is_some()) {
            true => Standing::Voter,
            false => Standing::Worker,
        }
    }
}

impl KnownMembers for MemberView {
    fn cluster(&self) -> Option<ClusterId> {
        self.genesis().map(|genesis| genesis.cluster_id())
    }

    fn key_of(&self, node: NodeId) -> KnownKey {
        // No entry of the log gives a founder another key.
        let genesis = self.genesis();
        if let Some(founder) = genesis.as_ref().and_then(|genesis| genesis.member(node)) {
            return KnownKey::Is(founder.key);
        }
        match self.member(node) {
            Some(member) => KnownKey::Is(member.key),
            None => KnownKey::Unknown,
        }
    }
}
