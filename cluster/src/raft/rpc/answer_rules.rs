//! Rules for what may be taken from an answer.

use cameo_common::ids::NodeId;
use openraft::raft::{AppendEntriesResponse, SnapshotResponse, VoteResponse};
use thiserror::Error;

use crate::consensus_types::TypeConfig;

/// An answer that is not taken: why its node may not say that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the answer of node {from} is not taken: {why}")]
pub(crate) struct NotTaken {
    pub from: NodeId,
    pub why: String,
}

/// The rules.
pub(crate) trait AnswerRules: Send + Sync {
    /// To an append.
    fn append(
        &self,
        from: NodeId,
        answer: &AppendEntriesResponse<TypeConfig>,
    ) -> Result<(), NotTaken>;

    /// To a request for a vote.
    fn vote(&self, from: NodeId, answer: &VoteResponse<TypeConfig>) -> Result<(), NotTaken>;

    /// A node has refused a request of this one, or its connection.
    fn refused(&self, by: NodeId);

    /// To a snapshot.
    fn snapshot(&self, from: NodeId, answer: &SnapshotResponse<TypeConfig>)
    -> Result<(), NotTaken>;
}
