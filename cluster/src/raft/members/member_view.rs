//! Members of the cluster as this node sees them: who may use its links, and who votes.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use cameo_common::descriptor_chain::{ChainError, DescriptorLink};
use cameo_common::ids::{ClusterId, NodeId};
use openraft::async_runtime::WatchReceiver;
use tokio::sync::watch;

use super::bootstrap_state::BootstrapState;
use super::known_chain::KnownChain;
use super::standing::Standing;
use crate::consensus_types::Member;
use crate::link::{KnownKey, KnownMembers};
use crate::raft::engine::consensus::Consensus;
use crate::raft::genesis::Genesis;
use crate::raft::ports::AppliedDescriptors;

/// The membership of the log, or the genesis while the log has none; and the chain of descriptors.
pub(crate) struct MemberView {
    genesis: OnceLock<Arc<Genesis>>,
    /// The newest verified chain. It begins with the genesis, and is never replaced by a shorter
    /// or another one. It is on no disk but as part of the state: other nodes show it again.
    chain: watch::Sender<Option<Arc<KnownChain>>>,
    /// The descriptors of the applied state.
    applied: Arc<dyn AppliedDescriptors>,
    /// `Formed` only after the genesis is on the disk.
    pub state: watch::Sender<BootstrapState>,
    /// Whether this node, which runs as a worker, is a voter now.
    pub promoted: watch::Sender<bool>,
    pub consensus: OnceLock<Arc<dyn Consensus>>,
}

impl MemberView {
    /// A node without a cluster yet; `why` is the reason.
    pub fn new(why: &str, applied: Arc<dyn AppliedDescriptors>) -> Self {
        Self {
            genesis: OnceLock::new(),
            chain: watch::Sender::new(None),
            applied,
            state: watch::Sender::new(BootstrapState::Waiting { why: why.into() }),
            promoted: watch::Sender::new(false),
            consensus: OnceLock::new(),
        }
    }

    /// Sets the genesis, which is on the disk.
    pub fn set_genesis(&self, genesis: Genesis) {
        let chain = Arc::new(KnownChain::of(&genesis));
        // Set once: a node never changes its cluster.
        if self.genesis.set(Arc::new(genesis)).is_ok() {
            self.chain.send_replace(Some(chain));
            self.advance_by_state();
        }
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

    /// The newest verified chain; none before the node has a cluster.
    pub fn chain(&self) -> Option<Arc<KnownChain>> {
        self.chain.borrow().clone()
    }

    /// The chain, and its changes.
    pub fn chains(&self) -> watch::Receiver<Option<Arc<KnownChain>>> {
        self.chain.subscribe()
    }

    /// Whether this node was a voter, and the newest known descriptor lacks it.
    pub fn has_left(&self, node: NodeId) -> bool {
        self.chain().is_some_and(|chain| chain.has_left(node))
    }

    /// Waits until [`Self::has_left`].
    pub async fn until_left(&self, node: NodeId) {
        let mut chains = self.chains();
        let has_left = |chain: &Option<Arc<KnownChain>>| {
            chain.as_ref().is_some_and(|chain| chain.has_left(node))
        };
        // The sender is part of this: it does not end before.
        if chains.wait_for(has_left).await.is_err() {
            std::future::pending().await
        }
    }

    /// Goes on by these links, which anybody may have sent: each is verified, while nobody waits
    /// for the chain.
    ///
    /// # Errors
    /// When one is not of this cluster's chain: none is taken.
    pub fn advance(&self, links: &[DescriptorLink]) -> Result<(), ChainError> {
        while let Some(chain) = self.chain() {
            let Some(longer) = chain.with(links)? else {
                return Ok(());
            };
            let number = longer.number();
            let is_taken = self.chain.send_if_modified(|known| {
                let is_same = known
                    .as_ref()
                    .is_some_and(|known| Arc::ptr_eq(known, &chain));
                if is_same {
                    *known = Some(Arc::new(longer));
                }
                is_same
            });
            if is_taken {
                tracing::info!(number, "knows a newer descriptor");
                return Ok(());
            }
        }
        Ok(())
    }

    /// Goes on to the newest descriptor of the applied state.
    pub fn advance_by_state(&self) {
        let Some(known) = self.chain() else { return };
        if self.applied.number() <= Some(known.number()) {
            return;
        }
        let Some(descriptors) = self.applied.descriptors() else {
            return;
        };
        if let Err(error) = self.advance(&descriptors.links) {
            tracing::error!(
                %error,
                "the state has other descriptors than this node has verified: keep its folder, \
                 and compare /v1/state-hash of the nodes"
            );
        }
    }

    /// Whether the applied state has this node in its newest descriptor.
    pub fn is_node_in_state(&self, node: NodeId, key: &[u8; 32]) -> bool {
        self.advance_by_state();
        let Some(chain) = self.chain() else {
            return false;
        };
        self.applied.number().unwrap_or(0) == chain.number() && chain.is_newest(node, key)
    }

    /// A member of the latest membership.
    pub fn member(&self, node: NodeId) -> Option<Member> {
        let consensus = self.consensus.get();
        if let Some(member) = consensus.and_then(|consensus| consensus.member(node)) {
            return Some(member);
        }
        match consensus.is_none_or(|consensus| consensus.voters().is_empty()) {
            true => self.genesis()?.membership().remove(&node),
            false => None,
        }
    }

    /// The voters of the latest membership.
    pub fn raft_voters(&self) -> BTreeSet<NodeId> {
        let Some(consensus) = self.consensus.get() else {
            return BTreeSet::new();
        };
        let metrics = consensus.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.voter_ids().collect()
    }

    /// What a caller is to this cluster, by the key that it has proven.
    pub fn standing(&self, node: NodeId, key: &[u8; 32]) -> Standing {
        let Some(chain) = self.chain() else {
            return Standing::Outsider;
        };
        let departs = || chain.has(node, key) && self.raft_voters().contains(&node);
        if chain.is_newest(node, key) || departs() {
            return Standing::Voter;
        }
        match self.member(node) {
            Some(member) if member.key == *key => Standing::Worker,
            _ => Standing::Outsider,
        }
    }
}

impl KnownMembers for MemberView {
    fn cluster(&self) -> Option<ClusterId> {
        self.genesis().map(|genesis| genesis.cluster_id())
    }

    fn key_of(&self, node: NodeId) -> KnownKey {
        // No entry of the log gives a node of a descriptor another key.
        let chain = self.chain();
        if let Some(known) = chain.as_ref().and_then(|chain| chain.node(node)) {
            return KnownKey::Is(known.key.0);
        }
        match self.member(node) {
            Some(member) => KnownKey::Is(member.key),
            None => KnownKey::Unknown,
        }
    }
}
