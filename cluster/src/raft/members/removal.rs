//! Having the leader remove a worker that is gone for good: the operator's word, from outside the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::leader_query::{LeaderQuery, QueryError, patience_millis};
use crate::link::{
    Admission, ClusterSecret, Identity, KnownKey, Links, NodeKeyError, NodeKeys, Purpose,
    TcpTransport,
};
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// What the operator goes by on the links; no node has it.
const NOBODY: NodeId = NodeId(0);
/// Between rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(300);
/// For all rounds together.
const DEADLINE: Duration = Duration::from_secs(20);

/// Why a worker was not removed. The text says what to do.
#[derive(Debug, Error)]
pub enum RemoveError {
    #[error("cannot make a key for this one call: {0}")]
    Key(#[from] NodeKeyError),
    #[error("cannot speak to the nodes: {0}")]
    Links(#[from] std::io::Error),
    #[error(
        "node {0} has a vote: only workers can be removed in this version; the others go on without it as long as they are a majority"
    )]
    Votes(NodeId),
    #[error("no member of the cluster has the id {0}: nothing is to be done")]
    NotAMember(NodeId),
    #[error("{0}")]
    Refused(String),
    #[error("not removed within {within} s: {0}; try again", within = DEADLINE.as_secs())]
    InTime(String),
}

/// Removes a worker by way of the members that `peers` names.
///
/// # Errors
/// See [`RemoveError`].
pub async fn remove_worker(
    peers: &BTreeMap<NodeId, String>,
    secret: Arc<ClusterSecret>,
    node: NodeId,
) -> Result<(), RemoveError> {
    let identity = Identity {
        node: NOBODY,
        keys: Arc::new(NodeKeys::generate()?),
        secret,
        admission: Arc::new(Outside),
    };
    let links = Links::new(identity, TcpTransport::shared(), Handle::current())?;
    let leader = LeaderQuery {
        links: &links,
        me: NOBODY,
        peers,
    };
    let request = NodeRequest::Remove {
        node,
        patience_millis: patience_millis(),
    };
    let end = Instant::now() + DEADLINE;
    // By a round whose answer did not come.
    let mut may_be_removed = false;
    loop {
        let (why, maybe_done) = match leader.put(Purpose::Bootstrap, &request, removed).await {
            Ok(()) => return Ok(()),
            Err(QueryError::Leader(_, MemberRefusal::Votes)) => {
                return Err(RemoveError::Votes(node));
            }
            Err(QueryError::Leader(_, MemberRefusal::NotAMember)) if may_be_removed => {
                return Ok(());
            }
            Err(QueryError::Leader(_, MemberRefusal::NotAMember)) => {
                return Err(RemoveError::NotAMember(node));
            }
            Err(QueryError::Never(why)) => return Err(RemoveError::Refused(why)),
            Err(QueryError::Leader(leader, other)) => {
                let unsettled = other == MemberRefusal::Unsettled;
                (format!("node {leader}: {other}"), unsettled)
            }
            Err(QueryError::Nobody { why, maybe_done }) => (why, maybe_done),
            Err(QueryError::Key) => ("a node knows another key for node 0".to_owned(), false),
        };
        may_be_removed |= maybe_done;
        if Instant::now() + ROUND_PAUSE >= end {
            return Err(RemoveError::InTime(why));
        }
        sleep(ROUND_PAUSE).await;
    }
}

fn removed(reply: NodeReply) -> Option<Result<(), MemberRefusal>> {
    match reply {
        NodeReply::Removed(answer) => Some(answer),
        _ => None,
    }
}

/// Somebody who knows the secret and nothing else.
struct Outside;

impl Admission for Outside {
    fn cluster(&self) -> Option<ClusterId> {
        None
    }

    fn key_of(&self, _node: NodeId) -> KnownKey {
        KnownKey::Unknown
    }
}
