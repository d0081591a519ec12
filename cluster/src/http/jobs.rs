//! Image jobs: a worker from the leader, and the work itself, which streams straight to it.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{ErrorCode, PlaceJob, Placed, TICKET_HEADER, paths};
use cameo_common::statements::Ticket;

use super::caller::{Said, Uploading, header_statement};
use super::{Api, Fault, body};

/// A job's input has to be here within this time.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::JOBS, post(place))
        .route(paths::RUN_JOB, post(run))
}

async fn place(
    State(api): State<Api>,
    Said(caller, request): Said<PlaceJob>,
) -> Result<Json<Placed>, Fault> {
    let placed = api.calls.place(request, caller.device).await?;
    Ok(Json(placed?))
}

/// The ticket is checked before the body is read, the body's hash before the job begins.
async fn run(State(api): State<Api>, upload: Uploading) -> Result<Response, Fault> {
    let ticket = header_statement::<Ticket>(&upload.parts, TICKET_HEADER)?;
    let said = ticket
        .verify()
        .map_err(|error| Fault::new(ErrorCode::BadTicket, error.to_string()))?;
    if said.input != upload.hash {
        let message = "the ticket is for another input than the call";
        return Err(Fault::new(ErrorCode::BadTicket, message));
    }
    let admitted = api.worker.admit(&ticket, upload.caller.device).await?;
    let limit = usize::try_from(admitted.size()).unwrap_or(usize::MAX);
    let (input, hash) = body::read_hashed(upload.body, limit, UPLOAD_DEADLINE).await?;
    if hash != said.input {
        let message = "the body is not the one that the ticket is for";
        return Err(Fault::new(ErrorCode::BadTicket, message));
    }
    let carrier = admitted.run(input).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], carrier).into_response())
}
