//! A request to the leader of a cluster from a node that is not a member of it.
//!
//! All known members are asked at once, and so is every leader that they name. The leader's answer
//! is returned; the other answers explain why there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::link::{CallError, Dial, Links, Purpose, Refusal};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// Time limit for one request to one node.
const ASK_TIMEOUT: Duration = Duration::from_secs(6);
/// Time that the asked node may take for the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Most leaders, not known before, that are followed in one round.
const MAX_FOLLOWED: usize = 4;

/// The sender and the members it asks.
pub(crate) struct LeaderQuery<'a> {
    pub links: &'a Links,
    /// The sender's id, which is not asked.
    pub me: NodeId,
    /// Members and the addresses of their links.
    pub peers: &'a BTreeMap<NodeId, String>,
}

/// Why there is no usable answer.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// This leader refused.
    Leader(NodeId, MemberRefusal),
    /// The cluster has another key for the sender's id.
    OtherKey,
    /// No leader answered; a retry may help.
    NoLeader { why: String },
    /// No member accepts the sender; a retry does not help.
    Refused(String),
}

/// The timeout to put into a request.
pub(crate) fn timeout_millis() -> u64 {
    whole_millis(REQUEST_TIMEOUT)
}

impl LeaderQuery<'_> {
    pub async fn ask<T>(
        &self,
        request: &NodeRequest,
        answer: fn(NodeReply) -> Option<Result<T, MemberRefusal>>,
    ) -> Result<T, QueryError> {
        let send = |node: NodeId, address: String| async move {
            let dial = Dial {
                node,
                address: address.clone(),
                purpose: Purpose::Join,
                key: None,
            };
            let reply = ask(self.links, dial, request, Instant::now() + ASK_TIMEOUT).await;
            (node, address, reply.map(answer))
        };
        let mut asked: BTreeSet<NodeId> = self.peers.keys().copied().chain([self.me]).collect();
        let mut followed = 0;
        let mut outcomes = Outcomes::default();
        let others = self.peers.iter().filter(|(id, _)| **id != self.me);
        let mut open: FuturesUnordered<_> = others
            .map(|(id, address)| send(*id, address.clone()))
            .collect();
        while let Some((node, address, reply)) = open.next().await {
            match reply {
                Ok(Some(Ok(value))) => return Ok(value),
                Ok(Some(Err(MemberRefusal::NotLeader { leader }))) => {
                    outcomes.member_answered = true;
                    let Some((leader, link)) = leader else {
                        continue;
                    };
                    if followed < MAX_FOLLOWED && asked.insert(leader) {
                        followed += 1;
                        open.push(send(leader, link));
                    }
                }
                Ok(Some(Err(refusal))) => return Err(QueryError::Leader(node, refusal)),
                Ok(None) => outcomes.retryable.push(format!(
                    "node {node} sent a reply that does not match the request"
                )),
                Err(error) => outcomes.record_error(node, &address, &error),
            }
        }
        Err(outcomes.into_error())
    }
}

/// Outcomes of the requests that did not reach the leader.
#[derive(Default)]
struct Outcomes {
    /// A member answered that it is not the leader.
    member_answered: bool,
    other_key: bool,
    retryable: Vec<String>,
    permanent: Vec<String>,
}

impl Outcomes {
    fn record_error(&mut self, node: NodeId, address: &str, error: &CallError) {
        match error {
            CallError::Refused(Refusal::Key) => self.other_key = true,
            CallError::Refused(
                refusal @ (Refusal::Secret
                | Refusal::Cluster
                | Refusal::Version(_)
                | Refusal::Node { .. }
                | Refusal::SameId),
            ) => self
                .permanent
                .push(format!("node {node} at {address}: {refusal}")),
            error => self
                .retryable
                .push(format!("no answer from node {node} at {address}: {error}")),
        }
    }

    /// Errors of single members count only if no member answered.
    fn into_error(mut self) -> QueryError {
        if self.other_key {
            return QueryError::OtherKey;
        }
        if !self.member_answered && !self.permanent.is_empty() {
            return QueryError::Refused(self.permanent.join("; "));
        }
        if self.member_answered {
            let leaderless = "the cluster has no leader at the moment".to_owned();
            self.retryable.insert(0, leaderless);
        }
        self.retryable.append(&mut self.permanent);
        QueryError::NoLeader {
            why: self.retryable.join("; "),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sum(member_answers: bool, errors: &[CallError]) -> QueryError {
        let mut outcomes = Outcomes {
            member_answered: member_answers,
            ..Outcomes::default()
        };
        for (node, error) in (1..).zip(errors) {
            outcomes.record_error(NodeId(node), "h:1", error);
        }
        outcomes.into_error()
    }

    #[test]
    fn permanent_errors_are_distinguished_from_those_that_may_pass() {
        let down = CallError::Unreachable("down".into());
        let secret = CallError::Refused(Refusal::Secret);
        let key = CallError::Refused(Refusal::Key);
        for errors in [vec![down.clone()], vec![down.clone(), CallError::Lost]] {
            assert!(matches!(sum(false, &errors), QueryError::NoLeader { .. }));
        }
        let mixed = [down.clone(), secret.clone()];
        assert!(
            matches!(sum(false, &mixed), QueryError::Refused(why) if why.contains("secret differs"))
        );
        let refused = sum(true, &[secret]);
        assert!(matches!(refused, QueryError::NoLeader { why } if why.contains("no leader")));
        assert!(matches!(sum(true, &[down, key]), QueryError::OtherKey));
    }
}
