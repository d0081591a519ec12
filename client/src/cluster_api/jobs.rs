//! Image jobs: the upload to the worker that the leader chose, and the carrier it returns.

use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_common::api::{ApiError, ErrorCode, Placed, TICKET_HEADER, paths};
use cameo_common::ids::NodeId;
use cameo_common::statements::Ticket;
use data_encoding::BASE64URL_NOPAD;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::timeout;

use super::call::collect_watched;
use super::stall_detector::StallDetector;
use crate::text::sanitize::sanitize;

use super::{ClusterApi, ClusterError, JOB_DEADLINE, JOB_STALL_FACTOR, JOB_STALL_TIMEOUT};

/// A job for which a worker returned no carrier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The worker failed; another one may succeed.
    #[error("worker {worker} failed: {}", sanitize(.why))]
    Worker { worker: NodeId, why: String },
    /// The worker has no capacity now; another one may have.
    #[error("worker {worker} is busy: {}", sanitize(.why))]
    Busy { worker: NodeId, why: String },
    /// The worker rejected the ticket; it may accept another one.
    #[error("{}", sanitize(&.0.message))]
    Ticket(ApiError),
    /// No worker accepts this job.
    #[error("{}", sanitize(&.0.message))]
    Job(ApiError),
}

impl ClusterApi {
    /// Uploads the input to the chosen worker and returns the carrier's PNG. A stalled worker is
    /// abandoned before the deadline, unless it is the `last` one to be tried.
    ///
    /// # Errors
    /// When the worker does not return a carrier; the variant says whether another one may succeed.
    pub async fn run_job(
        &self,
        placed: &Placed,
        input: Bytes,
        last: bool,
    ) -> Result<Bytes, JobError> {
        let expected = Duration::from_millis(placed.expected_ms);
        // A carrier is about as large as its input.
        let deadline = JOB_DEADLINE + expected + 2 * slowest_transfer(input.len() as u64);
        let stall_timeout = if last {
            deadline
        } else {
            JOB_STALL_TIMEOUT + expected.saturating_mul(JOB_STALL_FACTOR)
        };
        let progress = StallDetector::new();
        let request = self.upload(placed, input, &progress)?;
        let answered = async {
            tokio::select! {
                biased;
                answered = answer(request, placed.worker, &progress) => answered,
                () = progress.wait_for_stall(stall_timeout) => {
                    let why = format!("it stalled for {:.1} s", stall_timeout.as_secs_f64());
                    Err(worker_error(placed.worker, why))
                }
            }
        };
        timeout(deadline, answered)
            .await
            .unwrap_or_else(|_| Err(worker_error(placed.worker, "it took too long".into())))
    }

    fn upload(
        &self,
        placed: &Placed,
        input: Bytes,
        progress: &StallDetector,
    ) -> Result<reqwest::RequestBuilder, JobError> {
        let ticket = self
            .verified(placed)
            .map_err(|why| worker_error(placed.worker, why))?;
        let wrong = |error: ClusterError| worker_error(placed.worker, error.to_string());
        let url = ticket.url.trim_end_matches('/');
        super::address::check_url(url).map_err(wrong)?;
        let http = self.inner.https.node(ticket.worker_key).map_err(wrong)?;
        let header = BASE64URL_NOPAD.encode(placed.ticket.as_bytes());
        Ok(http
            .post(format!("{url}{}", paths::RUN_JOB))
            .header(TICKET_HEADER, header)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, input.len())
            .body(progress.body(input)))
    }

    /// The ticket, if a node of the cluster has signed it for this worker.
    pub(super) fn verified(&self, placed: &Placed) -> Result<Ticket, String> {
        let ticket = placed.ticket.verify().map_err(|error| error.to_string())?;
        if ticket.worker == placed.worker && self.nodes().is_voter(&ticket.leader) {
            Ok(ticket)
        } else {
            Err("no node of the cluster has signed its ticket".to_owned())
        }
    }
}

async fn answer(
    request: reqwest::RequestBuilder,
    worker: NodeId,
    progress: &StallDetector,
) -> Result<Bytes, JobError> {
    let response = request
        .send()
        .await
        .map_err(|error| worker_error(worker, error.to_string()))?;
    progress.record();
    let status = response.status();
    let bytes = collect_watched(response, MAX_CARRIER_BYTES, || progress.record()).await;
    let broke = || "the connection broke".to_owned();
    let bytes = bytes.map_err(|why| worker_error(worker, why.unwrap_or_else(broke)))?;
    if status.is_success() {
        return Ok(bytes);
    }
    match serde_json::from_slice::<ApiError>(&bytes) {
        Ok(error) => Err(refusal_error(worker, error)),
        Err(_) => Err(worker_error(worker, format!("status {status}"))),
    }
}

fn worker_error(worker: NodeId, why: String) -> JobError {
    JobError::Worker { worker, why }
}

fn refusal_error(worker: NodeId, error: ApiError) -> JobError {
    match error.code {
        // Every worker would refuse it.
        ErrorCode::BadJob | ErrorCode::TooLarge | ErrorCode::NotAuthenticated => {
            JobError::Job(error)
        }
        ErrorCode::BadTicket => JobError::Ticket(error),
        ErrorCode::Busy => JobError::Busy {
            worker,
            why: error.message,
        },
        _ => worker_error(worker, error.message),
    }
}
