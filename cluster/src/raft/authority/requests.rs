//! Rules for requests: who may ask what, in whose name, and how far ahead.

use cameo_common::ids::{Millis, NodeId};
use openraft::entry::EntryPayload;
use openraft::raft::AppendEntriesRequest;

use super::configurations::numbers;
use super::{Here, MAX_STEP, NoAuthority};
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::{Entry, LogId, Membership, Vote, position};
use crate::raft::members::standing::Standing;
use crate::raft::rpc::wire::NodeRequest;

/// Checks a request on a membership connection.
pub(super) fn check(
    request: &NodeRequest,
    from: NodeId,
    standing: Standing,
    here: &Here<'_>,
) -> Result<(), NoAuthority> {
    match request {
        NodeRequest::Append(rpc) => {
            needs_voter(standing)?;
            append(rpc, from, here)
        }
        NodeRequest::Vote(rpc) | NodeRequest::PreVote(rpc) => {
            needs_voter(standing)?;
            needs_vote_here(here)?;
            in_own_name(&rpc.vote, from, here)?;
            index(rpc.last_log_id.as_ref(), here)
        }
        NodeRequest::TransferLeader(rpc) => {
            needs_voter(standing)?;
            needs_vote_here(here)?;
            in_own_name(rpc.from_leader(), from, here)?;
            index(rpc.last_log_id(), here)
        }
        NodeRequest::SnapshotBegin { .. } | NodeRequest::SnapshotChunk { .. } => {
            needs_voter(standing)
        }
        NodeRequest::SnapshotInstall { vote, .. } => {
            needs_voter(standing)?;
            in_own_name(vote, from, here)
        }
        NodeRequest::Propose { command, .. } => {
            needs_voter(standing)?;
            signed(command, here)
        }
        NodeRequest::App(_) | NodeRequest::Progress(_) => needs_voter(standing),
        NodeRequest::ReadIndex { .. } | NodeRequest::Checkpoint { .. } => match standing {
            Standing::Voter | Standing::Worker => Ok(()),
            Standing::Outsider => Err(NoAuthority::NotMember),
        },
        // Descriptors prove themselves. What a caller may not say on this connection is refused by
        // the service.
        NodeRequest::Descriptors(_)
        | NodeRequest::Join { .. }
        | NodeRequest::Pristine
        | NodeRequest::Form { .. }
        | NodeRequest::MayJoin { .. } => Ok(()),
    }
}

/// What a node takes no part in while its gate is closed: votes, appends, snapshots.
pub(super) fn is_of_consensus(request: &NodeRequest) -> bool {
    matches!(
        request,
        NodeRequest::Append(_)
            | NodeRequest::Vote(_)
            | NodeRequest::PreVote(_)
            | NodeRequest::TransferLeader(_)
            | NodeRequest::SnapshotBegin { .. }
            | NodeRequest::SnapshotChunk { .. }
            | NodeRequest::SnapshotInstall { .. }
    )
}

fn needs_voter(standing: Standing) -> Result<(), NoAuthority> {
    match standing {
        Standing::Voter => Ok(()),
        Standing::Worker | Standing::Outsider => Err(NoAuthority::NotVoter),
    }
}

fn needs_vote_here(here: &Here<'_>) -> Result<(), NoAuthority> {
    if here.runs_as_voter && here.is_voter(here.me) {
        Ok(())
    } else {
        Err(NoAuthority::WorkerHere)
    }
}

fn append(
    rpc: &AppendEntriesRequest<TypeConfig>,
    from: NodeId,
    here: &Here<'_>,
) -> Result<(), NoAuthority> {
    in_own_name(&rpc.vote, from, here)?;
    index(rpc.prev_log_id.as_ref(), here)?;
    index(rpc.leader_commit.as_ref(), here)?;
    if rpc.entries.is_empty() {
        return Ok(());
    }
    let voters = here.voters();
    let latest = here.times.latest(&voters);
    let mut from = here.configuration;
    let first = rpc
        .entries
        .first()
        .map_or(0, |entry| position(&entry.log_id).1);
    for entry in &rpc.entries {
        index(Some(&entry.log_id), here)?;
        payload(entry, latest, here)?;
        if let EntryPayload::Membership(membership) = &entry.payload {
            from = voters_go_on(entry, membership, (first, from), here)?;
        }
    }
    Ok(())
}

fn payload(entry: &Entry, latest: Millis, here: &Here<'_>) -> Result<(), NoAuthority> {
    match &entry.payload {
        // Judged in their order.
        EntryPayload::Membership(_) | EntryPayload::Blank => Ok(()),
        EntryPayload::Normal(bytes) => {
            let time = here.stamp.time_of(&bytes.0).ok_or(NoAuthority::NoTime)?;
            let index = position(&entry.log_id).1;
            let version = here.stamp.version_of(&bytes.0).unwrap_or(u16::MAX);
            let newest = here.stamp.newest_version();
            if version > newest {
                return Err(NoAuthority::Version {
                    index,
                    version,
                    newest,
                });
            }
            if time <= latest {
                Ok(())
            } else {
                Err(NoAuthority::Time { index, time })
            }
        }
    }
}

/// Law: the voters are those of a descriptor, and not of an earlier one than those of the log
/// before. What is committed here may be sent again, and is compared by Raft. `first_sent` is the
/// index of the request's first entry. Returns from which descriptor on the next configuration may
/// be.
fn voters_go_on(
    entry: &Entry,
    membership: &Membership,
    (first_sent, from): (u64, u64),
    here: &Here<'_>,
) -> Result<u64, NoAuthority> {
    let index = position(&entry.log_id).1;
    let (latest, latest_index) = here.latest_configuration;
    let from_here = match index {
        _ if index <= here.committed => 0,
        // Sent again, or in the place of what is cut: what is sent from there on decides.
        _ if first_sent <= latest_index => from,
        _ => from.max(latest),
    };
    let chain = here.chain.as_ref().ok_or(NoAuthority::Voters)?;
    let (first, _) = numbers(chain, membership, from_here).ok_or(NoAuthority::Voters)?;
    Ok(from.max(first))
}

/// Law: a member proposes for others what they have signed. What rests on a node's word, the
/// founding and the end of sessions, is for the leader alone to propose.
fn signed(command: &[u8], here: &Here<'_>) -> Result<(), NoAuthority> {
    match here.stamp.is_signed(command) {
        true => Ok(()),
        false => Err(NoAuthority::NodesWord),
    }
}

fn in_own_name(vote: &Vote, from: NodeId, here: &Here<'_>) -> Result<(), NoAuthority> {
    let named = vote.leader_id.voted_for;
    if named != from {
        return Err(NoAuthority::OtherName(named));
    }
    term(vote, here)
}

pub(super) fn term(vote: &Vote, here: &Here<'_>) -> Result<(), NoAuthority> {
    let term = vote.leader_id.term;
    if term > here.term.saturating_add(MAX_STEP) {
        let own = here.term;
        return Err(NoAuthority::Term { term, own });
    }
    Ok(())
}

/// The term of a log id counts as one too: it outlives the leader that has made it.
pub(super) fn index(id: Option<&LogId>, here: &Here<'_>) -> Result<(), NoAuthority> {
    let Some((term, index)) = id.map(position) else {
        return Ok(());
    };
    if index > here.last_index.saturating_add(MAX_STEP) {
        let own = here.last_index;
        return Err(NoAuthority::Index { index, own });
    }
    if term > here.term.saturating_add(MAX_STEP) {
        let own = here.term;
        return Err(NoAuthority::Term { term, own });
    }
    Ok(())
}
