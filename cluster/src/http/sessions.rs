//! Sessions: start, keep-alive, end.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{
    Done as DoneBody, EndSession, ErrorCode, KeepAlive, SessionStarted, StartSession, paths,
};

use super::auth::{CalledJson, Commanded, statement};
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::{Done, Refusal};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::SESSIONS, post(start))
        .route(paths::KEEP_ALIVE, post(keep_alive))
        .route(paths::END_SESSION, post(end))
}

async fn start(
    State(api): State<Api>,
    Commanded(by, body): Commanded<StartSession>,
) -> Result<Json<SessionStarted>, Fault> {
    let record = statement(&api, &body.endpoint)?;
    if record.device != by.caller.device {
        return Err(Fault::new(
            ErrorCode::Mismatch,
            "the endpoint record belongs to another device: sign it with the calling device",
        ));
    }
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::SessionStarted { epoch } => Ok(Json(SessionStarted { epoch })),
        other => Err(unexpected(&other)),
    }
}

async fn keep_alive(
    State(api): State<Api>,
    CalledJson(caller, KeepAlive { epoch }): CalledJson<KeepAlive>,
) -> Result<Json<DoneBody>, Fault> {
    if api.renewals.renew(caller.device, epoch).await? {
        Ok(Json(DoneBody { done: true }))
    } else {
        Err(Refusal::SessionEnded.into())
    }
}

async fn end(
    State(api): State<Api>,
    Commanded(by, body): Commanded<EndSession>,
) -> Result<Json<DoneBody>, Fault> {
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(DoneBody { done: true })),
        other => Err(unexpected(&other)),
    }
}
