//! Placing an image job. The job itself goes to the worker as raw bytes: see [`crate::job`].

use serde::{Deserialize, Serialize};

use crate::ids::{Hash, JobId, NodeId};
use crate::signed::Signed;
use crate::statements::Ticket;

/// `POST /v1/jobs`: asks the leader for a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceJob {
    pub job: JobId,
    /// Hash and length of the encoded [`crate::job::JobInput`].
    pub input: Hash,
    pub size: u64,
    /// Workers that this job has failed on.
    pub exclude: Vec<NodeId>,
}

/// Answer to [`PlaceJob`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub worker: NodeId,
    /// The worker's base URL.
    pub url: String,
    /// The node that placed it.
    pub leader: NodeId,
    pub ticket: Signed<Ticket>,
}
