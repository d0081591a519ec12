//! A question to whoever leads a cluster, from somebody who is no member of it.
//!
//! All that are known are asked at once, and so is whom they say leads. The leader's answer is the answer;
//! what the others say tells why there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::link::{CallError, Dial, Links, Purpose, Refusal};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// For one question to one node.
const ASK_TIMEOUT: Duration = Duration::from_secs(6);
/// What the node that is asked may take of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Leaders that were not known before, followed in one round.
const MAX_NAMED: usize = 4;

/// Who asks, and whom.
pub(crate) struct LeaderQuery<'a> {
    pub links: &'a Links,
    /// The id that the asker goes by; it is not asked.
    pub me: NodeId,
    /// Members, and where their links are.
    pub peers: &'a BTreeMap<NodeId, String>,
}

/// Why there is no answer that one can go on with.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// This node leads, and says no.
    Leader(NodeId, MemberRefusal),
    /// The cluster knows another key for the asker's id.
    Key,
    /// No leader's answer came, and why; asking again may help. Where an answer was lost, what was asked for may
    /// have been done all the same.
    Nobody { why: String, maybe_done: bool },
    /// Nobody lets the asker in, and why; asking again does not help.
    Never(String),
}

/// How long the asked node may take, for the request itself.
pub(crate) fn patience_millis() -> u64 {
    whole_millis(PATIENCE)
}

impl LeaderQuery<'_> {
    pub async fn put<T>(
        &self,
        purpose: Purpose,
        request: &NodeRequest,
        answer: fn(NodeReply) -> Option<Result<T, MemberRefusal>>,
    ) -> Result<T, QueryError> {
        let question = |node: NodeId, address: String| async move {
            let dial = Dial {
                node,
                address: address.clone(),
                purpose,
            };
            let reply = ask(self.links, dial, request, Instant::now() + ASK_TIMEOUT).await;
            (node, address, reply.map(answer))
        };
        let mut asked: BTreeSet<NodeId> = self.peers.keys().copied().chain([self.me]).collect();
        let mut named = 0;
        let mut outcomes = Outcomes::default();
        let others = self.peers.iter().filter(|(id, _)| **id != self.me);
        let mut open: FuturesUnordered<_> = others
            .map(|(id, address)| question(*id, address.clone()))
            .collect();
        while let Some((node, address, reply)) = open.next().await {
            match reply {
                Ok(Some(Ok(value))) => return Ok(value),
                Ok(Some(Err(MemberRefusal::NotLeader { leader }))) => {
                    outcomes.a_member_answers = true;
                    let Some((leader, link)) = leader else {
                        continue;
                    };
                    if named < MAX_NAMED && asked.insert(leader) {
                        named += 1;
                        open.push(question(leader, link));
                    }
                }
                Ok(Some(Err(refusal))) => return Err(QueryError::Leader(node, refusal)),
                Ok(None) => outcomes
                    .waits
                    .push(format!("node {node} answered something else")),
                Err(error) => outcomes.no_answer(node, &address, &error),
            }
        }
        Err(outcomes.sum())
    }
}

/// What those said who do not lead.
#[derive(Default)]
struct Outcomes {
    /// One who let us in knows no leader that answers.
    a_member_answers: bool,
    other_key: bool,
    maybe_done: bool,
    waits: Vec<String>,
    never: Vec<String>,
}

impl Outcomes {
    fn no_answer(&mut self, node: NodeId, address: &str, error: &CallError) {
        self.maybe_done |= !error.definitely_not_done();
        match error {
            CallError::Refused(Refusal::Key) => self.other_key = true,
            CallError::Refused(
                refusal @ (Refusal::Secret
                | Refusal::Cluster
                | Refusal::Version(_)
                | Refusal::Node { .. }
                | Refusal::SameId),
            ) => self
                .never
                .push(format!("node {node} at {address}: {refusal}")),
            error => self
                .waits
                .push(format!("waiting for node {node} at {address}: {error}")),
        }
    }

    /// While one member lets the asker in, what others refuse is theirs to put right.
    fn sum(mut self) -> QueryError {
        if self.other_key {
            return QueryError::Key;
        }
        if !self.a_member_answers && !self.never.is_empty() {
            return QueryError::Never(self.never.join("; "));
        }
        if self.a_member_answers {
            let leaderless = "the cluster has no leader at the moment".to_owned();
            self.waits.insert(0, leaderless);
        }
        self.waits.append(&mut self.never);
        QueryError::Nobody {
            why: self.waits.join("; "),
            maybe_done: self.maybe_done,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sum(member_answers: bool, errors: &[CallError]) -> QueryError {
        let mut outcomes = Outcomes {
            a_member_answers: member_answers,
            ..Outcomes::default()
        };
        for (node, error) in (1..).zip(errors) {
            outcomes.no_answer(NodeId(node), "h:1", error);
        }
        outcomes.sum()
    }

    #[test]
    fn what_asking_again_cannot_change_is_told_apart_from_what_it_can() {
        let down = CallError::Unreachable("down".into());
        let secret = CallError::Refused(Refusal::Secret);
        let key = CallError::Refused(Refusal::Key);
        assert!(matches!(
            sum(false, std::slice::from_ref(&down)),
            QueryError::Nobody {
                maybe_done: false,
                ..
            }
        ));
        let lost = [down.clone(), CallError::Lost];
        assert!(matches!(
            sum(true, &lost),
            QueryError::Nobody {
                maybe_done: true,
                ..
            }
        ));
        let mixed = [down.clone(), secret.clone()];
        assert!(
            matches!(sum(false, &mixed), QueryError::Never(why) if why.contains("secret differs"))
        );
        assert!(
            matches!(sum(true, &[secret]), QueryError::Nobody { why, .. } if why.contains("no leader"))
        );
        assert!(matches!(sum(true, &[down, key]), QueryError::Key));
    }
}
