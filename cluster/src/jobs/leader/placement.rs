//! Placement of jobs: the call to the leader, and the leader's answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{MAX_JOBS_A_CALL, PlaceJob, Placed};
use cameo_common::ids::{ClusterId, NodeId, whole_millis};
use cameo_common::keys::PublicKey;
use tokio::time::Instant;

use super::dispatcher::{Dispatcher, PlacementContext, PlacementMember};
use super::error::PlaceError;
use crate::host::clock::WallClock;
use crate::host::rng::NodeRng;
use crate::node_rpc::{CallError, NodeAnswer, NodeCall, NodeRpc, NotPlaced};
use crate::raft::Replica;

/// Time limit for a placement.
const PLACE_DEADLINE: Duration = Duration::from_secs(3);

/// Asks the leader for a worker for each of these jobs; the answers are in their order.
///
/// # Errors
/// [`CallError`] when the leader was not reached or gave no valid answer. The inner errors are the
/// leader's refusals of single jobs.
pub async fn place(
    rpc: &NodeRpc,
    jobs: Vec<PlaceJob>,
    client: PublicKey,
) -> Result<Vec<Result<Placed, NotPlaced>>, CallError> {
    let requested = jobs.len();
    let deadline = Instant::now() + PLACE_DEADLINE;
    match rpc
        .ask_leader(NodeCall::Place { jobs, client }, deadline)
        .await?
    {
        NodeAnswer::Placed(placed) if placed.len() == requested => Ok(placed),
        _ => Err(CallError::Misunderstood),
    }
}

/// The leader's answers to calls about placements.
#[derive(Clone)]
pub struct PlacementAnswers {
    pub node: NodeId,
    pub cluster: ClusterId,
    pub replica: Arc<dyn Replica>,
    pub dispatcher: Arc<Dispatcher>,
    pub clock: Arc<dyn WallClock>,
    pub rng: NodeRng,
}

impl fmt::Debug for PlacementAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlacementAnswers of node {}", self.node)
    }
}

impl PlacementAnswers {
    /// At the leader: places the jobs of this device.
    #[must_use]
    pub fn place(&self, jobs: &[PlaceJob], client: PublicKey) -> NodeAnswer {
        if jobs.len() > MAX_JOBS_A_CALL {
            return NodeAnswer::Misunderstood;
        }
        let status = self.replica.status();
        if status.leader != Some(self.node) {
            return NodeAnswer::NotLeading;
        }
        let voters = status.voters.iter().map(|member| (member, true));
        let learners = status.learners.iter().map(|member| (member, false));
        let members = voters
            .chain(learners)
            .map(|((id, member), voter)| PlacementMember {
                node: *id,
                key: PublicKey(member.key),
                url: member.http.clone(),
                voter,
            });
        let context = PlacementContext {
            now: Instant::now(),
            unix: self.clock.unix_millis(),
            cluster: self.cluster,
            term: status.term,
            members: members.collect(),
        };
        let seed = self.rng.number();
        let placed = self.dispatcher.place_all(jobs, client, &context, seed);
        // The node leads by its log, but its scheduler is not set up for the term yet, or no
        // longer.
        placed.map_or(NodeAnswer::NotLeading, |placed| {
            let placed = placed.into_iter().map(|one| one.map_err(not_placed));
            NodeAnswer::Placed(placed.collect())
        })
    }
}

fn not_placed(error: PlaceError) -> NotPlaced {
    NotPlaced {
        code: error.code(),
        message: error.to_string(),
        retry_after_ms: error.retry_after().map(whole_millis),
    }
}
