//! Duties of the leader: the founding entry, leases, placement of jobs, and who is a member
//! and votes.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use tokio::time::Instant;

use super::take_over::TakeOverDuty;
use super::voters_duty::VotersDuty;
use crate::jobs::Dispatcher;
use crate::presence::Presence;
use crate::raft::{CALL_DEADLINE, Replica};
use cameo_machine::{Caller, Command, Op, Refusal, read};

/// Interval of the checks whether every worker is still admitted.
const MEMBER_CHECK: Duration = Duration::from_millis(250);
/// Pause between attempts at a duty.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The duties of a node while it leads.
#[derive(Debug)]
pub struct Leader {
    pub node: NodeId,
    /// The cluster's first descriptor, for the first entry.
    pub first_descriptor: Descriptor,
    pub replica: Arc<dyn Replica>,
    pub presence: Arc<Presence>,
    pub dispatcher: Arc<Dispatcher>,
    pub voters: VotersDuty,
    pub take_over: TakeOverDuty,
}

impl Leader {
    /// Begins and ends the duties with this node's leadership. Dropped when the node stops.
    pub async fn serve(self) {
        let mut leadership = self.replica.leadership();
        loop {
            let now = *leadership.borrow_and_update();
            self.dispatcher.set_term(now.here.then_some(now.term));
            if now.here {
                tokio::select! {
                    () = self.lead(now.term) => {}
                    _ = leadership.changed() => continue,
                }
            } else {
                self.presence.follow();
            }
            if leadership.changed().await.is_err() {
                return;
            }
        }
    }

    /// Never returns.
    async fn lead(&self, term: u64) {
        self.assume_duties(term).await;
        loop {
            self.take_over.run(&*self.replica).await;
            self.drop_unadmitted_workers().await;
            self.voters.follow_descriptor(&*self.replica).await;
            tokio::time::sleep(MEMBER_CHECK).await;
        }
    }

    /// Law: a worker is a member only while the state admits its key, which takes the operator's
    /// token, and the operator's order withdraws.
    async fn drop_unadmitted_workers(&self) {
        let descriptor = read::current_descriptor(&*self.replica.view());
        for (node, member) in self.replica.status().learners {
            // It becomes a voter.
            let of_descriptor = descriptor.as_ref().and_then(|newest| newest.node(node));
            if of_descriptor.is_some_and(|node| node.key.0 == member.key) {
                continue;
            }
            let admitted = read::admitted_worker(&*self.replica.view(), node);
            if admitted == Some(PublicKey(member.key)) {
                continue;
            }
            match self.replica.remove_worker(node).await {
                Ok(()) => tracing::info!(%node, "dropped a worker that is not admitted"),
                Err(why) => tracing::debug!(%node, %why, "cannot drop a worker yet"),
            }
        }
    }

    /// Waits for a current state first, because leases are checked against it.
    async fn assume_duties(&self, term: u64) {
        while self
            .replica
            .barrier(Instant::now() + CALL_DEADLINE)
            .await
            .is_err()
        {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        self.presence.lead(term);
        while read::cluster_id(&*self.replica.view()).is_none() {
            self.propose_founding_entry().await;
        }
    }

    async fn propose_founding_entry(&self) {
        let command = Command {
            caller: Caller::Node(self.node),
            op: Op::Found(self.first_descriptor.clone()),
        };
        let deadline = Instant::now() + CALL_DEADLINE;
        match self.replica.propose(&command, deadline).await {
            Ok(committed) => match committed.reply {
                Ok(_) => tracing::info!("founded the cluster"),
                // Not every founder has told yet that it reads entries of the version.
                Err(Refusal::UnknownEntry) if self.first_descriptor.predecessor.is_some() => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(refusal) => {
                    tracing::error!(%refusal, "the cluster refused its founding entry");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            },
            Err(error) => {
                tracing::warn!(%error, "cannot propose the founding entry yet; trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}
