//! Image jobs: a worker from the leader, and the work itself, which streams straight to it.

use std::time::Duration;

use axum::body::Body;
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

/// The ticket is checked before the body is read, the body's hash before the job begins. An error comes with its
/// status before the carrier's first byte; after that the connection breaks, so that nobody takes a part for a whole.
/// Whoever closes the connection gives the job up.
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
    let (input, hash) = body::read_input(upload.body, admitted.size(), UPLOAD_DEADLINE).await?;
    let carrier = admitted.run(input, hash).await?;
    let png = Body::from_stream(carrier);
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}
