//! Reasons for which the nodes are not changed.

use std::time::Duration;

use cameo_common::api::ApiError;
use cameo_common::ids::NodeId;

use super::newest_chain::ForkedChain;

/// Why a change of the nodes was not done, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    #[error(transparent)]
    Forked(#[from] ForkedChain),
    #[error(
        "node {0} is no member of the cluster under a key that {1} of the voters know, and nothing \
         was changed: let it join as a worker first (`cameod token`), and wait until `cameod \
         member list` has it"
    )]
    NotMember(NodeId, usize),
    #[error("node {0} is no member of the cluster, and nothing was changed")]
    Unknown(NodeId),
    #[error(
        "node {0} is a voter already, and cannot take the place of another; nothing was changed"
    )]
    IsVoter(NodeId),
    #[error(
        "node {0} is no voter, and nothing was changed: a worker leaves by `cameod member remove`"
    )]
    NotVoter(NodeId),
    #[error(
        "node {node} does not answer by the key with which it was admitted, and nothing was \
         changed: {why}"
    )]
    NoAnswer { node: NodeId, why: String },
    #[error(
        "node {node} lacks {entries} entries of the log, and nothing was changed: wait until it \
         has caught up, which `cameod member list` shows, and give the command again"
    )]
    Behind { node: NodeId, entries: u64 },
    #[error(
        "node {0} was a voter and has left, and nothing was changed: its id is not used again. \
         Start the machine with an empty --data folder and an --id that no node has had"
    )]
    IdUsed(NodeId),
    #[error(
        "node {node} was not made a voter within {} s, and nothing else was changed: {state}. What \
         it has joined by stays as it is: give the command again to go on", .waited.as_secs()
    )]
    NotAdded {
        node: NodeId,
        waited: Duration,
        state: String,
    },
    #[error("node {0} is the last voter, and a cluster without one is lost: nothing was changed")]
    Last(NodeId),
    #[error("a cluster has at most {0} voters, and nothing was changed")]
    TooMany(usize),
    #[error(
        "other commands keep changing the nodes, and what was asked was not begun: give the \
         command again when they have ended"
    )]
    OthersChange,
    #[error("the cluster has had all the changes of its nodes that it can have")]
    NoMoreChanges,
    #[error(
        "{answering} of the {of} nodes that have to sign the change, or would vote by it, answer, \
         and a majority, {needed}, has to: nothing was changed. {silent}"
    )]
    NoQuorum {
        answering: usize,
        of: usize,
        needed: usize,
        silent: String,
    },
    #[error(
        "{signed} of the voters have signed the change, and {needed} have to: it is not in force. \
         What was signed stays signed, and the next command finishes it: give this one again when \
         more of them answer: {why}"
    )]
    NotSigned {
        signed: usize,
        needed: usize,
        why: String,
    },
    /// Of a voter that refuses for itself, so that nothing was signed.
    #[error("{}: {why}", refused(.signed))]
    RefusedToSign { signed: usize, why: String },
    #[error("{}. --force gives these grants up: too few nodes are left that open them", .0.message)]
    TooFewHolders(ApiError),
    #[error(
        "the change is in force, and the nodes do not vote by it yet: {why}. They go on by \
         themselves; give the same command again to wait for them"
    )]
    NotFollowed { why: String },
}

fn refused(signed: &usize) -> String {
    match signed {
        0 => "the voters refuse the change, and nothing was changed".to_owned(),
        signed => format!("{signed} of the voters have signed the change, and the others refuse"),
    }
}
