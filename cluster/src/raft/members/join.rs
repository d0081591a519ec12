//! Joining: how a node becomes a worker of a running cluster, a member without a vote.
//!
//! The node asks the leader, found through any member, which cluster this is and whether it may
//! join; records the cluster durably; and asks to be admitted. Only then does the log contain it,
//! and its own log begins. A node that has a record of its cluster and no log asks again. So a
//! crash at any point, a lost answer or a new leader costs another round and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::leader_query::{LeaderQuery, QueryError, timeout_millis};
use super::local_member::LocalMember;
use crate::consensus_types::Member;
use crate::link::Links;
use crate::raft::genesis::Genesis;
use crate::raft::ports::WorkerPass;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// Pause between rounds of requests.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

/// Pause between checks whether this node is still a member.
const MEMBER_CHECK_PAUSE: Duration = Duration::from_secs(10);

/// This node's part in joining.
pub(crate) struct Joiner {
    /// Its `peers` are the members that it asks, and itself.
    pub local: Arc<LocalMember>,
    pub links: Links,
    pub pass: WorkerPass,
}

/// This node cannot join with its present settings. The text says why.
struct JoinRefused(String);

/// Why this node has not joined.
enum JoinError {
    /// It may succeed later.
    Waiting(String),
    /// It cannot succeed with the present settings.
    Refused(String),
}

impl Joiner {
    /// Runs while the node is a worker, or may become one.
    pub async fn run(self, initialised: bool) {
        let part = async {
            if !initialised {
                self.join().await?;
            }
            self.check_addresses()?;
            self.watch_for_removal().await
        };
        if let Err(JoinRefused(why)) = part.await {
            self.local.members.set_refused(why);
        }
    }

    /// Returns once this node's log has begun.
    async fn join(&self) -> Result<(), JoinRefused> {
        let mut last_reason = String::new();
        while self.local.log_is_empty() {
            // Repeated until the log begins: an admission by a leader that then failed may be lost.
            if self.try_to_join(&mut last_reason).await? {
                self.local.members.set_formed();
            }
            if self.local.log_is_empty() {
                sleep(ROUND_PAUSE).await;
            }
        }
        self.local.members.set_formed();
        self.local.record_log_begun().await;
        Ok(())
    }

    /// Jobs and log entries are sent to the addresses that the cluster has for this node.
    fn check_addresses(&self) -> Result<(), JoinRefused> {
        let me = &self.local.me;
        match self.local.members.member(me.id) {
            Some(known) if (&known.link, &known.http) != (&me.link, &me.http) => {
                Err(JoinRefused(format!(
                    "the cluster has node {} at {} and {}, and it was started with {} and {}: \
                     start it with the addresses that it joined with, or let it join again, \
                     with an empty --data folder and an --id that no node has had",
                    me.id, known.link, known.http, me.link, me.http
                )))
            }
            _ => Ok(()),
        }
    }

    /// A removed worker is not notified, since it no longer receives the log. So it asks at
    /// intervals. A worker whose admission no majority has confirmed was not removed: the leader
    /// that admitted it has failed, and the worker asks the next one.
    async fn watch_for_removal(&self) -> Result<(), JoinRefused> {
        let mut last_reason = String::new();
        loop {
            while !self.local.was_admitted().await {
                self.try_to_join(&mut last_reason).await?;
                if !self.local.was_admitted().await {
                    sleep(ROUND_PAUSE).await;
                }
            }
            let leader = self.leader();
            match leader.ask(&self.may_join(), parse_may_join).await {
                // The member with its id is this node.
                Err(QueryError::Leader(_, MemberRefusal::IdTaken)) => {}
                Ok(_)
                | Err(QueryError::Leader(
                    _,
                    MemberRefusal::Full { .. } | MemberRefusal::BadPass { .. },
                )) => {
                    return Err(JoinRefused(format!(
                        "node {} was removed from the cluster: delete its folder; \
                         to let this machine join again, start it with an empty --data folder \
                         and an --id that no node has had",
                        self.local.me.id
                    )));
                }
                Err(error) => {
                    tracing::debug!(?error, "cannot check whether this node is a member");
                }
            }
            sleep(MEMBER_CHECK_PAUSE).await;
        }
    }

    /// One round. True when a leader admitted this node, false when another round may succeed.
    async fn try_to_join(&self, last_reason: &mut String) -> Result<bool, JoinRefused> {
        match self.round().await {
            Ok(()) => Ok(true),
            Err(JoinError::Waiting(why)) => {
                self.local.report_waiting(why, last_reason);
                Ok(false)
            }
            Err(JoinError::Refused(why)) => Err(JoinRefused(why)),
        }
    }

    async fn round(&self) -> Result<(), JoinError> {
        if self.local.members.genesis().is_none() {
            self.record_the_cluster().await?;
        }
        let me = &self.local.me;
        let request = NodeRequest::Join {
            member: Member {
                link: me.link.clone(),
                http: me.http.clone(),
                key: me.key,
            },
            pass: self.pass.bytes.clone(),
            timeout_millis: timeout_millis(),
        };
        let leader = self.leader();
        let answer = leader.ask(&request, parse_joined);
        answer.await.map_err(|error| self.join_error(error))
    }

    async fn record_the_cluster(&self) -> Result<(), JoinError> {
        let leader = self.leader();
        let request = self.may_join();
        let known = leader.ask(&request, parse_may_join);
        let genesis = known.await.map_err(|error| self.join_error(error))?;
        // The token's fingerprint is the operator's word; the genesis is a node's.
        if genesis.cluster_id() != self.pass.cluster {
            return Err(JoinError::Refused(format!(
                "the nodes in --peers are of cluster {}, and the token is for {}: check both",
                genesis.cluster_id(),
                self.pass.cluster
            )));
        }
        let recorded = self.local.record(genesis).await;
        recorded
            .map(|_| ())
            .map_err(|why| JoinError::Refused(format!("cannot record the cluster: {why}")))
    }

    fn may_join(&self) -> NodeRequest {
        NodeRequest::MayJoin {
            pass: self.pass.bytes.clone(),
        }
    }

    fn leader(&self) -> LeaderQuery<'_> {
        LeaderQuery {
            links: &self.links,
            me: self.local.me.id,
            peers: &self.local.peers,
        }
    }

    /// The consequence of an error for the operator.
    fn join_error(&self, error: QueryError) -> JoinError {
        let link = &self.local.me.link;
        match error {
            QueryError::OtherKey | QueryError::Leader(_, MemberRefusal::IdTaken) => {
                JoinError::Refused(format!(
                    "node id {} belongs to a member of the cluster: start this node with an empty \
                     --data folder and an --id that no node has had, also when it is a worker \
                     that lost its folder",
                    self.local.me.id
                ))
            }
            QueryError::Leader(_, MemberRefusal::Full { limit }) => JoinError::Refused(format!(
                "the cluster has {limit} workers, which is the maximum: \
                 remove one that is gone (`cameod remove`), then start this node again"
            )),
            QueryError::Leader(_, MemberRefusal::LongAddress { limit }) => {
                JoinError::Refused(format!(
                    "this node's address in --peers or its --http-url is longer than {limit} \
                     bytes: use shorter names"
                ))
            }
            QueryError::Leader(_, refusal @ MemberRefusal::BadPass { .. }) => {
                JoinError::Refused(refusal.to_string())
            }
            QueryError::Leader(leader, MemberRefusal::OtherNode) => JoinError::Refused(format!(
                "the leader, node {leader}, finds another node at {link}: \
                 give --peers the address under which the other nodes reach this node"
            )),
            QueryError::Leader(leader, MemberRefusal::Unreachable { why }) => {
                JoinError::Waiting(format!(
                    "the leader, node {leader}, cannot reach this node at {link}: {why}; \
                     open that port to the other nodes, or give --peers the address \
                     under which they reach this node"
                ))
            }
            QueryError::Leader(leader, other) => {
                JoinError::Waiting(format!("node {leader}: {other}"))
            }
            QueryError::NoLeader { why } => JoinError::Waiting(why),
            QueryError::Refused(why) => JoinError::Refused(why),
        }
    }
}

fn parse_joined(reply: NodeReply) -> Option<Result<(), MemberRefusal>> {
    match reply {
        NodeReply::Joined(answer) => Some(answer),
        _ => None,
    }
}

fn parse_may_join(reply: NodeReply) -> Option<Result<Genesis, MemberRefusal>> {
    match reply {
        NodeReply::MayJoin(answer) => Some(answer),
        _ => None,
    }
}
