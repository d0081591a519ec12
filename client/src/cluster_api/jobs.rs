//! Image jobs: upload straight to the worker that `placing` found, get the picture back.

use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ApiError, CALL_HEADER, ErrorCode, Placed, TICKET_HEADER, paths};
use cameo_common::codec::limits::MAX_CARRIER_BYTES;
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use tokio::time::timeout;

use super::call::collect;
use super::{ClusterApi, JOB_BYTES_A_SECOND, JOB_DEADLINE};

/// Why a worker gave no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobFailure {
    /// Another worker may do it.
    #[error("worker {worker} did not do it: {why}")]
    Worker { worker: u64, why: String },
    /// No worker will.
    #[error("{0}")]
    Job(ApiError),
}

impl ClusterApi {
    /// Uploads the input to the worker it was placed on; gives back the carrier's PNG.
    ///
    /// # Errors
    /// [`JobFailure::Worker`] when another worker is worth a try.
    pub async fn run_job(&self, placed: &Placed, input: Bytes) -> Result<Bytes, JobFailure> {
        let failed = |why: String| JobFailure::Worker {
            worker: placed.worker,
            why,
        };
        let url = placed.url.trim_end_matches('/');
        super::cluster::check_url(url).map_err(|error| failed(error.to_string()))?;
        let deadline = deadline_of(input.len() as u64);
        let command = self.command(Method::POST, paths::RUN_JOB.to_owned(), input);
        let request = self
            .inner
            .http
            .request(command.method, format!("{url}{}", command.path))
            .header(CALL_HEADER, command.header)
            .header(
                TICKET_HEADER,
                BASE64URL_NOPAD.encode(placed.ticket.as_bytes()),
            )
            .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
            .body(command.body);
        let upload = async {
            let response = request
                .send()
                .await
                .map_err(|error| failed(error.to_string()))?;
            let status = response.status();
            let bytes = collect(response, MAX_CARRIER_BYTES)
                .await
                .map_err(|why| failed(why.unwrap_or_else(|| "the connection broke".into())))?;
            if status.is_success() {
                return Ok(bytes);
            }
            match serde_json::from_slice::<ApiError>(&bytes) {
                Ok(error) if is_about_the_job(error.code) => Err(JobFailure::Job(error)),
                Ok(error) => Err(failed(error.message)),
                Err(_) => Err(failed(format!("status {status}"))),
            }
        };
        timeout(deadline, upload)
            .await
            .unwrap_or_else(|_| Err(failed("it took too long".into())))
    }
}

/// How long a worker has for a job: one that stands still is not waited for as long as the longest job takes.
fn deadline_of(size: u64) -> Duration {
    JOB_DEADLINE + Duration::from_secs(size / JOB_BYTES_A_SECOND)
}

/// Whether every worker would say the same.
fn is_about_the_job(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::BadJob | ErrorCode::TooLarge | ErrorCode::NotAuthenticated
    )
}
