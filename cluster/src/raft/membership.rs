//! What this node knows of who belongs to the cluster, and so who may speak on its links.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::consensus::Consensus;
use super::forming::Forming;
use super::genesis::Genesis;
use super::types::Member;
use crate::link::{Admission, ClusterId, KnownKey};

/// Membership as the log has it, and the genesis until the log has one.
pub(super) struct Membership {
    pub forming: watch::Sender<Forming>,
    pub consensus: OnceLock<Arc<dyn Consensus>>,
}

impl Membership {
    pub fn new(forming: Forming) -> Self {
        Self {
            forming: watch::Sender::new(forming),
            consensus: OnceLock::new(),
        }
    }

    pub fn genesis(&self) -> Option<Arc<Genesis>> {
        match &*self.forming.borrow() {
            Forming::Formed { genesis } => Some(genesis.clone()),
            Forming::Waiting { .. } => None,
        }
    }

    /// A member, as the latest membership has it.
    pub fn member(&self, node: u64) -> Option<Member> {
        let from_log = self
            .consensus
            .get()
            .and_then(|consensus| consensus.member(node));
        from_log.or_else(|| self.genesis()?.membership().remove(&node))
    }
}

impl Admission for Membership {
    fn cluster(&self) -> Option<ClusterId> {
        self.genesis().map(|genesis| genesis.cluster_id())
    }

    fn key_of(&self, node: u64) -> KnownKey {
        match self.member(node) {
            Some(member) => KnownKey::Is(member.key),
            None => KnownKey::Unknown,
        }
    }
}
