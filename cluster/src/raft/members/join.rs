//! How a node becomes a worker of a running cluster: a member without a vote.
//!
//! It asks the leader, by way of any member, which cluster this is and whether it may join; records the
//! cluster, durably; and asks to be let in. Only then does the log name it, and its own log begins. A
//! node that knows its cluster and has no log asks again, so a crash anywhere on the way, a lost
//! answer or a new leader costs another round and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::leader_query::{LeaderQuery, QueryError, patience_millis};
use super::local_member::LocalMember;
use crate::consensus_types::Member;
use crate::link::{Links, Purpose};
use crate::raft::genesis::Genesis;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// Between rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

/// Between questions whether this node is a member still.
const MEMBER_CHECK_PAUSE: Duration = Duration::from_secs(30);

/// This node's part in joining.
pub(crate) struct Joiner {
    /// `peers` are members that it asks, and itself.
    pub own: Arc<LocalMember>,
    pub links: Links,
}

/// This node comes into no cluster as it was started, and why.
struct Refused(String);

/// Why this node has not joined.
enum No {
    /// For now.
    Waits(String),
    /// Not as it was started.
    Refused(String),
}

impl Joiner {
    /// Runs as long as the node is a worker, or may become one.
    pub async fn run(self, initialised: bool) {
        let part = async {
            if !initialised {
                self.join().await?;
            }
            self.check_addresses()?;
            self.watch_for_removal().await
        };
        if let Err(Refused(why)) = part.await {
            self.own.members.refused(why);
        }
    }

    /// Returns once this node's log has begun.
    async fn join(&self) -> Result<(), Refused> {
        let mut last_reason = String::new();
        while self.own.log_is_empty() {
            match self.round().await {
                // Asked again until the log begins: what a leader let in before it fell may be undone.
                Ok(()) => self.own.members.formed(),
                Err(No::Waits(why)) => self.own.waiting(why, &mut last_reason),
                Err(No::Refused(why)) => return Err(Refused(why)),
            }
            if self.own.log_is_empty() {
                sleep(ROUND_PAUSE).await;
            }
        }
        self.own.members.formed();
        self.own.log_has_begun().await;
        Ok(())
    }

    /// Jobs and the log go to where the cluster knows this node.
    fn check_addresses(&self) -> Result<(), Refused> {
        let me = &self.own.me;
        match self.own.members.member(me.id) {
            Some(known) if (&known.link, &known.http) != (&me.link, &me.http) => {
                Err(Refused(format!(
                    "the cluster knows node {} at {} and {}, and it was started for {} and {}: start it with the addresses that it joined with, or have it join anew, with an empty --data folder and an --id that no node has had",
                    me.id, known.link, known.http, me.link, me.http
                )))
            }
            _ => Ok(()),
        }
    }

    /// Nobody tells a worker that it was removed: it hears nothing any more. So it asks, now and then. One that no
    /// majority has let in yet was not removed: the leader that began to has fallen, and it asks the next one.
    async fn watch_for_removal(&self) -> Result<(), Refused> {
        let mut last_reason = String::new();
        loop {
            while !self.own.was_let_in().await {
                match self.round().await {
                    Ok(()) => {}
                    Err(No::Waits(why)) => self.own.waiting(why, &mut last_reason),
                    Err(No::Refused(why)) => return Err(Refused(why)),
                }
                if !self.own.was_let_in().await {
                    sleep(ROUND_PAUSE).await;
                }
            }
            let leader = self.leader();
            match leader
                .put(Purpose::Bootstrap, &NodeRequest::MayJoin, may_join)
                .await
            {
                // Its id is a member's: its own.
                Err(QueryError::Leader(_, MemberRefusal::Taken)) => {}
                Ok(_) | Err(QueryError::Leader(_, MemberRefusal::Full { .. })) => {
                    return Err(Refused(format!(
                        "node {} was removed from the cluster: delete its folder; to lend this machine again, start it with an empty --data folder and an --id that no node has had",
                        self.own.me.id
                    )));
                }
                Err(error) => tracing::debug!(?error, "nobody tells whether this is a member"),
            }
            sleep(MEMBER_CHECK_PAUSE).await;
        }
    }

    async fn round(&self) -> Result<(), No> {
        if self.own.members.genesis().is_none() {
            self.learn_the_cluster().await?;
        }
        let me = &self.own.me;
        let request = NodeRequest::Join {
            member: Member {
                link: me.link.clone(),
                http: me.http.clone(),
                key: me.key,
            },
            patience_millis: patience_millis(),
        };
        let leader = self.leader();
        let joined = leader.put(Purpose::Member, &request, joined);
        joined.await.map_err(|error| self.no(error))
    }

    async fn learn_the_cluster(&self) -> Result<(), No> {
        let leader = self.leader();
        let known = leader.put(Purpose::Bootstrap, &NodeRequest::MayJoin, may_join);
        let genesis = known.await.map_err(|error| self.no(error))?;
        let recorded = self.own.record(genesis).await;
        recorded
            .map(|_| ())
            .map_err(|why| No::Refused(format!("the cluster could not be recorded: {why}")))
    }

    fn leader(&self) -> LeaderQuery<'_> {
        LeaderQuery {
            links: &self.links,
            me: self.own.me.id,
            peers: &self.own.peers,
        }
    }

    /// What it means for whoever started this node.
    fn no(&self, error: QueryError) -> No {
        let link = &self.own.me.link;
        match error {
            QueryError::Key | QueryError::Leader(_, MemberRefusal::Taken) => No::Refused(format!(
                "node id {} belongs to a member of the cluster: start this node with an empty --data folder and an --id that no node has had; a worker that lost its folder comes back that way, too",
                self.own.me.id
            )),
            QueryError::Leader(_, MemberRefusal::Full { limit }) => No::Refused(format!(
                "the cluster has {limit} workers and takes no more: remove one that is gone (`cameod remove`), then start this one again"
            )),
            QueryError::Leader(_, MemberRefusal::LongAddress { limit }) => No::Refused(format!(
                "this node's address in --peers or its --http-url has more than {limit} bytes: use shorter names"
            )),
            QueryError::Leader(leader, MemberRefusal::OtherNode) => No::Refused(format!(
                "node {leader}, which leads, finds another node at {link}: have --peers give this node the address under which the others reach it"
            )),
            QueryError::Leader(leader, MemberRefusal::Unreachable { why }) => No::Waits(format!(
                "node {leader}, which leads, cannot reach this node at {link}: {why}; open that port to the others, or have --peers give this node the address under which they reach it"
            )),
            QueryError::Leader(leader, other) => No::Waits(format!("node {leader}: {other}")),
            QueryError::Nobody { why, .. } => No::Waits(why),
            QueryError::Never(why) => No::Refused(why),
        }
    }
}

fn joined(reply: NodeReply) -> Option<Result<(), MemberRefusal>> {
    match reply {
        NodeReply::Joined(answer) => Some(answer),
        _ => None,
    }
}

fn may_join(reply: NodeReply) -> Option<Result<Genesis, MemberRefusal>> {
    match reply {
        NodeReply::MayJoin(answer) => Some(answer),
        _ => None,
    }
}
