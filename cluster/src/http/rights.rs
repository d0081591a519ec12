//! Rights: statements of the owner, acknowledgements of the viewer, confirmations of this node.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{AckRights, ConfirmRights, Confirmed, PutRights, RightsStored, paths};
use cameo_common::ids::GrantId;

use super::auth::{CalledJson, Commanded, statement};
use super::body::InPath;
use super::grants::check_path;
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::Done;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::RIGHTS, post(put))
        .route(paths::ACK, post(acknowledge))
        .route(paths::CONFIRMATION, post(confirm))
}

async fn put(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    Commanded(by, body): Commanded<PutRights>,
) -> Result<Json<RightsStored>, Fault> {
    check_path(&grant, &statement(&api, &body.rights)?.grant)?;
    let command = by.command(&body)?;
    stored(api.write(&command).await?)
}

async fn acknowledge(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    Commanded(by, body): Commanded<AckRights>,
) -> Result<Json<RightsStored>, Fault> {
    check_path(&grant, &statement(&api, &body.ack)?.grant)?;
    let command = by.command(&body)?;
    stored(api.write(&command).await?)
}

async fn confirm(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    CalledJson(caller, ConfirmRights { version }): CalledJson<ConfirmRights>,
) -> Result<Json<Confirmed>, Fault> {
    let confirmation = api
        .releaser
        .confirm(&*api.replica, &caller.user, &grant, version)
        .await?;
    Ok(Json(Confirmed { confirmation }))
}

fn stored(done: Done) -> Result<Json<RightsStored>, Fault> {
    match done {
        Done::Rights {
            version,
            in_mailbox,
        } => Ok(Json(RightsStored {
            version,
            in_mailbox,
        })),
        other => Err(unexpected(&other)),
    }
}
