//! Image jobs: upload straight to the worker that `placing` found, get the picture back.

use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_common::api::{ApiError, CALL_HEADER, ErrorCode, Placed, TICKET_HEADER, paths};
use cameo_common::ids::NodeId;
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::timeout;

use super::call::collect_watched;
use super::stall_detector::Pulse;
use super::{ClusterApi, JOB_DEADLINE, JOB_PATIENCE, JOB_TIMES_EXPECTED};

/// Why a worker gave no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobFailure {
    /// Another worker may do it.
    #[error("worker {worker} did not do it: {why}")]
    Worker { worker: NodeId, why: String },
    /// So may this one, later.
    #[error("worker {worker} has enough to do: {why}")]
    Busy { worker: NodeId, why: String },
    /// So may this one, with another ticket.
    #[error("{0}")]
    Ticket(ApiError),
    /// No worker will.
    #[error("{0}")]
    Job(ApiError),
}

impl ClusterApi {
    /// Uploads the input to the worker it was placed on; gives back the carrier's PNG. A worker that stands still is
    /// left early, unless it is the last one that is tried.
    ///
    /// # Errors
    /// See [`JobFailure`].
    pub async fn run_job(
        &self,
        placed: &Placed,
        input: Bytes,
        last: bool,
    ) -> Result<Bytes, JobFailure> {
        let expected = Duration::from_millis(placed.expected_ms);
        // A carrier is about as large as its input.
        let deadline = JOB_DEADLINE + expected + 2 * slowest_transfer(input.len() as u64);
        let patience = if last {
            deadline
        } else {
            JOB_PATIENCE + expected.saturating_mul(JOB_TIMES_EXPECTED)
        };
        let pulse = Pulse::new();
        let request = self.upload(placed, input, &pulse)?;
        let answered = async {
            tokio::select! {
                biased;
                answered = answer(request, placed.worker, &pulse) => answered,
                () = pulse.stopped(patience) => {
                    let why = format!("it stood still for {:.1} s", patience.as_secs_f64());
                    Err(failed(placed.worker, why))
                }
            }
        };
        timeout(deadline, answered)
            .await
            .unwrap_or_else(|_| Err(failed(placed.worker, "it took too long".into())))
    }

    fn upload(
        &self,
        placed: &Placed,
        input: Bytes,
        pulse: &Pulse,
    ) -> Result<reqwest::RequestBuilder, JobFailure> {
        let url = placed.url.trim_end_matches('/');
        super::cluster::check_url(url).map_err(|error| failed(placed.worker, error.to_string()))?;
        let command = self.command(Method::POST, paths::RUN_JOB.to_owned(), input);
        let ticket = BASE64URL_NOPAD.encode(placed.ticket.as_bytes());
        let http = &self.inner.http;
        Ok(http
            .request(command.method, format!("{url}{}", command.path))
            .header(CALL_HEADER, command.header)
            .header(TICKET_HEADER, ticket)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, command.body.len())
            .body(pulse.body(command.body)))
    }
}

async fn answer(
    request: reqwest::RequestBuilder,
    worker: NodeId,
    pulse: &Pulse,
) -> Result<Bytes, JobFailure> {
    let response = request.send().await;
    let response = response.map_err(|error| failed(worker, error.to_string()))?;
    pulse.beat();
    let status = response.status();
    let bytes = collect_watched(response, MAX_CARRIER_BYTES, || pulse.beat()).await;
    let broke = || "the connection broke".to_owned();
    let bytes = bytes.map_err(|why| failed(worker, why.unwrap_or_else(broke)))?;
    if status.is_success() {
        return Ok(bytes);
    }
    match serde_json::from_slice::<ApiError>(&bytes) {
        Ok(error) => Err(refused(worker, error)),
        Err(_) => Err(failed(worker, format!("status {status}"))),
    }
}

fn failed(worker: NodeId, why: String) -> JobFailure {
    JobFailure::Worker { worker, why }
}

fn refused(worker: NodeId, error: ApiError) -> JobFailure {
    match error.code {
        // Every worker would say the same.
        ErrorCode::BadJob | ErrorCode::TooLarge | ErrorCode::NotAuthenticated => {
            JobFailure::Job(error)
        }
        ErrorCode::BadTicket => JobFailure::Ticket(error),
        ErrorCode::Busy => JobFailure::Busy {
            worker,
            why: error.message,
        },
        _ => failed(worker, error.message),
    }
}
