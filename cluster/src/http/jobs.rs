//! Image jobs: placement by the leader, and execution at this worker.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use cameo_codec::job::slowest_transfer;
use cameo_common::api::{
    ErrorCode, MAX_JOBS_A_CALL, PlaceJobs, PlacedJobs, Placement, TICKET_HEADER, paths,
};
use cameo_common::statements::Ticket;

use super::auth::{CalledJson, CalledUpload, Caller, header_statement};
use super::{Api, Fault, body};
use crate::jobs::{self as image_jobs, AcceptedJob};

/// A job's input must arrive within this time plus the transfer time of its size on a slow line.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

pub(super) fn place_routes() -> Router<Api> {
    Router::new().route(paths::JOBS, post(place))
}

pub(super) fn run_routes() -> Router<Api> {
    Router::new().route(paths::RUN_JOB, post(run))
}

async fn place(
    State(api): State<Api>,
    CalledJson(caller, PlaceJobs { jobs }): CalledJson<PlaceJobs>,
) -> Result<Json<PlacedJobs>, Fault> {
    if jobs.is_empty() || jobs.len() > MAX_JOBS_A_CALL {
        let message = format!(
            "name between one and {MAX_JOBS_A_CALL} jobs, not {}",
            jobs.len()
        );
        return Err(Fault::new(ErrorCode::BadRequest, message));
    }
    let placed = image_jobs::place(&api.rpc, jobs, caller.device).await?;
    let jobs = placed.into_iter().map(|one| match one {
        Ok(placed) => Placement::Placed(placed),
        Err(no) => Placement::Refused(no.into()),
    });
    Ok(Json(PlacedJobs {
        jobs: jobs.collect(),
    }))
}

/// Runs a job. The ticket is checked before the body is read, and the body's hash before the job
/// starts. An error before the carrier's first byte has a status; a later one aborts the
/// connection, so that a client does not take a partial carrier for a whole one. The job is
/// cancelled when the client closes the connection.
async fn run(State(api): State<Api>, upload: CalledUpload) -> Result<Response, Fault> {
    let CalledUpload {
        caller,
        parts,
        body,
    } = upload;
    let admitted = match admit(&api, &caller, &parts).await {
        Ok(admitted) => admitted,
        Err(fault) => {
            body::linger(body);
            return Err(fault);
        }
    };
    let size = admitted.size();
    let deadline = UPLOAD_DEADLINE + slowest_transfer(size);
    let (input, hash) = body::read_input(body, size, deadline).await?;
    let carrier = admitted.run(input, hash).await?;
    let png = Body::from_stream(carrier);
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

async fn admit(api: &Api, caller: &Caller, parts: &Parts) -> Result<AcceptedJob, Fault> {
    let ticket = header_statement::<Ticket>(parts, TICKET_HEADER)?;
    Ok(api.worker.admit(&ticket, caller.device).await?)
}
