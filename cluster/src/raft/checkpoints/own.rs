//! This node's checkpoints.

use std::sync::Arc;

use cameo_common::signed::Signed;
use cameo_common::statements::Checkpoint;

use crate::certificate::Checkpoints;
use crate::link::NodeKeys;
use crate::raft::members::member_view::MemberView;

/// Signs states that this node has had, when it is asked.
#[derive(Clone)]
pub(crate) struct OwnCheckpoints {
    pub keys: Arc<NodeKeys>,
    pub members: Arc<MemberView>,
    pub recent: Checkpoints,
}

impl OwnCheckpoints {
    /// The signature over the state at this index. None when this node has no vote, or has not had
    /// that index lately.
    pub fn signed(&self, index: u64) -> Option<Signed<Checkpoint>> {
        let genesis = self.members.genesis()?;
        let chain = self.members.chain()?;
        let key = self.keys.public();
        let is_voter = chain.newest().nodes.iter().any(|node| node.key.0 == key);
        let point = self.recent.at(index).filter(|_| is_voter)?;
        Some(point.signed(&self.keys.signing_key(), genesis.cluster_id()))
    }
}
