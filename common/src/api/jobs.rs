//! Placement of image jobs. A job itself goes to the worker as raw bytes: see `cameo_codec::job`.

use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::ids::{Hash, JobId, NodeId};
use crate::signed::Signed;
use crate::statements::Ticket;

/// Most jobs that one call places.
pub const MAX_JOBS_A_CALL: usize = 16;

/// `POST /v1/jobs`: asks the leader for a worker for each of these jobs, placed as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceJobs {
    /// At least one, at most [`MAX_JOBS_A_CALL`].
    pub jobs: Vec<PlaceJob>,
}

/// Answer to [`PlaceJobs`]: the outcome of each job, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedJobs {
    pub jobs: Vec<Placement>,
}

/// The outcome of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    Placed(Placed),
    /// This job has no worker; the others may.
    Refused(ApiError),
}

/// One job to be placed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceJob {
    pub job: JobId,
    /// Hash and length of the encoded `cameo_codec::job::JobInput`.
    pub input: Hash,
    pub size: u64,
    /// Workers on which this job has failed.
    pub exclude: Vec<NodeId>,
}

/// A worker for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub worker: NodeId,
    /// The node that placed it.
    pub leader: NodeId,
    /// Projected end of the job if the worker gets the input at once. Milliseconds from now.
    pub expected_ms: u64,
    /// Names the worker's key and URL.
    pub ticket: Signed<Ticket>,
}
