//! Sessions: start, keep-alive, end.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{
    Done as DoneBody, EndSession, ErrorCode, KeepAlive, SessionStarted, StartSession, paths,
};

use super::auth::{SignedJson, statement};
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::{Done, Op, Refusal};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::SESSIONS, post(start))
        .route(paths::KEEP_ALIVE, post(keep_alive))
        .route(paths::END_SESSION, post(end))
}

async fn start(
    State(api): State<Api>,
    SignedJson(caller, StartSession { endpoint, listed }): SignedJson<StartSession>,
) -> Result<Json<SessionStarted>, Fault> {
    let record = statement(&endpoint)?;
    if record.device != caller.device {
        return Err(Fault::new(
            ErrorCode::Mismatch,
            "the endpoint record belongs to another device: sign it with the calling device",
        ));
    }
    let op = Op::StartSession { endpoint, listed };
    match api.write(&caller, op).await? {
        (_, Done::SessionStarted { epoch }) => Ok(Json(SessionStarted { epoch })),
        (_, other) => Err(unexpected(&other)),
    }
}

async fn keep_alive(
    State(api): State<Api>,
    SignedJson(caller, KeepAlive { epoch }): SignedJson<KeepAlive>,
) -> Result<Json<DoneBody>, Fault> {
    if api.renewals.renew(caller.device, epoch).await? {
        Ok(Json(DoneBody { done: true }))
    } else {
        Err(Refusal::SessionEnded.into())
    }
}

async fn end(
    State(api): State<Api>,
    SignedJson(caller, EndSession { epoch }): SignedJson<EndSession>,
) -> Result<Json<DoneBody>, Fault> {
    match api.write(&caller, Op::EndSession { epoch }).await? {
        (_, Done::Nothing) => Ok(Json(DoneBody { done: true })),
        (_, other) => Err(unexpected(&other)),
    }
}
