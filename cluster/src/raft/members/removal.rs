//! Removal of a worker that is gone for good, on behalf of an operator outside the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::leader_query::{LeaderQuery, QueryError, timeout_millis};
use crate::link::{
    ClusterSecret, Identity, KnownKey, KnownMembers, Links, NodeKeyError, NodeKeys, Purpose,
    TcpTransport,
};
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// The operator's id on the links; no node has it.
const OPERATOR: NodeId = NodeId(0);
/// Pause between rounds of requests.
const ROUND_PAUSE: Duration = Duration::from_millis(300);
/// Time limit for all rounds.
const DEADLINE: Duration = Duration::from_secs(20);

/// Why a worker was not removed, with what to do.
#[derive(Debug, Error)]
pub enum RemoveError {
    #[error("cannot generate a key for this call: {0}")]
    Key(#[from] NodeKeyError),
    #[error("cannot connect to the nodes: {0}")]
    Links(#[from] std::io::Error),
    #[error(
        "node {0} is a voter: this version can remove workers only; \
         the others go on without it as long as they are a majority"
    )]
    IsVoter(NodeId),
    #[error("no member of the cluster has the id {0}: there is nothing to do")]
    NotAMember(NodeId),
    #[error("{0}")]
    Refused(String),
    #[error(
        "the removal was not confirmed within {within} s: {0}; try again",
        within = DEADLINE.as_secs()
    )]
    NotConfirmed(String),
}

/// Removes a worker through the members in `peers`.
///
/// # Errors
/// When the cluster refuses, when `node` is not a worker of it, or when no leader confirms the
/// removal within 20 seconds; it may have been carried out then.
pub async fn remove_worker(
    peers: &BTreeMap<NodeId, String>,
    secret: Arc<ClusterSecret>,
    node: NodeId,
) -> Result<(), RemoveError> {
    let identity = Identity {
        node: OPERATOR,
        keys: Arc::new(NodeKeys::generate()?),
        secret,
        members: Arc::new(Outsider),
    };
    let links = Links::new(identity, TcpTransport::shared(), Handle::current())?;
    let leader = LeaderQuery {
        links: &links,
        me: OPERATOR,
        peers,
    };
    let request = NodeRequest::Remove {
        node,
        timeout_millis: timeout_millis(),
    };
    let end = Instant::now() + DEADLINE;
    // A round whose answer was lost may have removed it.
    let mut may_be_removed = false;
    loop {
        let asked = leader.ask(Purpose::Bootstrap, &request, parse_removed);
        let Unsettled { why, maybe_done } = match asked.await {
            Ok(()) => return Ok(()),
            Err(QueryError::Leader(_, MemberRefusal::NotAMember)) if may_be_removed => {
                return Ok(());
            }
            Err(error) => retryable(node, error)?,
        };
        may_be_removed |= maybe_done;
        if Instant::now() + ROUND_PAUSE >= end {
            return Err(RemoveError::NotConfirmed(why));
        }
        sleep(ROUND_PAUSE).await;
    }
}

/// A round after which another one may succeed.
struct Unsettled {
    why: String,
    /// The removal may have been carried out.
    maybe_done: bool,
}

/// Tells an error that another round may resolve from one that is final.
fn retryable(node: NodeId, error: QueryError) -> Result<Unsettled, RemoveError> {
    let (why, maybe_done) = match error {
        QueryError::Leader(_, MemberRefusal::IsVoter) => return Err(RemoveError::IsVoter(node)),
        QueryError::Leader(_, MemberRefusal::NotAMember) => {
            return Err(RemoveError::NotAMember(node));
        }
        QueryError::Refused(why) => return Err(RemoveError::Refused(why)),
        QueryError::Leader(leader, other) => {
            let unsettled = other == MemberRefusal::Unsettled;
            (format!("node {leader}: {other}"), unsettled)
        }
        QueryError::NoLeader { why, maybe_done } => (why, maybe_done),
        QueryError::OtherKey => ("a node has another key for node 0".to_owned(), false),
    };
    Ok(Unsettled { why, maybe_done })
}

fn parse_removed(reply: NodeReply) -> Option<Result<(), MemberRefusal>> {
    match reply {
        NodeReply::Removed(answer) => Some(answer),
        _ => None,
    }
}

/// A caller that has the secret and no record of a cluster.
struct Outsider;

impl KnownMembers for Outsider {
    fn cluster(&self) -> Option<ClusterId> {
        None
    }

    fn key_of(&self, _node: NodeId) -> KnownKey {
        KnownKey::Unknown
    }
}
