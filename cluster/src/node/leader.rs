//! What a node does because it leads: found the cluster, keep the leases, place the jobs.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;
use tokio::time::Instant;

use crate::jobs::Dispatcher;
use crate::presence::Presence;
use crate::raft::{CALL_DEADLINE, Replica};
use cameo_machine::{Caller, Command, Op, read};

/// Between two attempts at what has to be done first.
const RETRY: Duration = Duration::from_millis(100);

/// A node's duties while it leads.
#[derive(Debug)]
pub struct Leader {
    pub node: NodeId,
    /// The cluster's first descriptor, for the first entry.
    pub founding: Descriptor,
    pub replica: Arc<dyn Replica>,
    pub presence: Arc<Presence>,
    pub dispatcher: Arc<Dispatcher>,
}

impl Leader {
    /// Takes up the duties and lays them down as leadership comes and goes. To be dropped when the
    /// node stops.
    pub async fn serve(self) {
        let mut leadership = self.replica.leadership();
        loop {
            let now = *leadership.borrow_and_update();
            self.dispatcher.set_term(now.here.then_some(now.term));
            if now.here {
                tokio::select! {
                    () = self.assume_duties(now.term) => {}
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

    /// Leases are judged against the state, which therefore has to be current first.
    async fn assume_duties(&self, term: u64) {
        while self
            .replica
            .barrier(Instant::now() + CALL_DEADLINE)
            .await
            .is_err()
        {
            tokio::time::sleep(RETRY).await;
        }
        self.presence.lead(term);
        while read::cluster_id(&*self.replica.view()).is_none() {
            self.found().await;
        }
    }

    async fn found(&self) {
        let command = Command {
            caller: Caller::Node(self.node),
            op: Op::Found(self.founding.clone()),
        };
        let deadline = Instant::now() + CALL_DEADLINE;
        match self.replica.propose(&command, deadline).await {
            Ok(committed) => match committed.reply {
                Ok(_) => tracing::info!("founded the cluster"),
                Err(refusal) => {
                    tracing::error!(%refusal, "the cluster cannot be founded");
                    tokio::time::sleep(RETRY).await;
                }
            },
            Err(error) => {
                tracing::warn!(%error, "could not found the cluster yet");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
