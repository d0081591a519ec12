//! Rules for answers: what one node says must not depose a leader for ever, and what a worker says
//! not at all.

use cameo_common::ids::NodeId;
use openraft::raft::{AppendEntriesResponse, SnapshotResponse, VoteResponse};

use super::requests::{index, term};
use super::{Here, NoAuthority};
use crate::consensus_types::TypeConfig;

pub(super) fn append(
    answer: &AppendEntriesResponse<TypeConfig>,
    from: NodeId,
    here: &Here<'_>,
) -> Result<(), NoAuthority> {
    match answer {
        AppendEntriesResponse::Success | AppendEntriesResponse::Conflict => Ok(()),
        // Voters tell a leader that there is a newer one: they have elected it.
        AppendEntriesResponse::HigherVote(_) if !here.is_voter(from) => Err(NoAuthority::NotVoter),
        AppendEntriesResponse::HigherVote(vote) => term(vote, here),
        // Only this node's own network says so, of what it has not sent.
        AppendEntriesResponse::PartialSuccess(_) => Err(NoAuthority::Unasked),
    }
}

pub(super) fn vote(answer: &VoteResponse<TypeConfig>, here: &Here<'_>) -> Result<(), NoAuthority> {
    term(&answer.vote, here)?;
    index(answer.last_log_id.as_ref(), here)
}

pub(super) fn snapshot(
    answer: &SnapshotResponse<TypeConfig>,
    from: NodeId,
    here: &Here<'_>,
) -> Result<(), NoAuthority> {
    // A receiver answers with its vote, which is the sender's while nothing newer is known.
    if !here.is_voter(from) && answer.vote.leader_id.term > here.term {
        return Err(NoAuthority::NotVoter);
    }
    term(&answer.vote, here)
}
