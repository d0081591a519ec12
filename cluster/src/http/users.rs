//! The directory: registration, lookup, revocation of devices, users online, offline reports.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{
    Done as DoneBody, ErrorCode, Online, Registered, ReportOffline, ReportedOffline, RevokeDevice,
    UserInfo, paths,
};
use cameo_common::ids::UserName;
use serde::Deserialize;

use super::auth::{Called, Commanded, Registration, check_signature};
use super::body::{InPath, InQuery};
use super::read::Freshness;
use super::write::unexpected;
use super::{Api, Fault};
use crate::presence;
use cameo_machine::{Done, read};

/// Most names in one reply about users online.
const MAX_ONLINE: usize = 1_000;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::USERS, post(register).get(online))
        .route(paths::USER, get(look_up))
        .route(paths::USER_OFFLINE, post(report_offline))
        .route(paths::REVOKE_DEVICE, post(revoke_device))
}

async fn register(
    State(api): State<Api>,
    Registration(by, body): Registration,
) -> Result<Json<Registered>, Fault> {
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Registered { created } => Ok(Json(Registered { created })),
        other => Err(unexpected(&other)),
    }
}

/// `GET /v1/users?after=NAME`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlinePage {
    after: Option<UserName>,
    #[serde(default)]
    stale: bool,
}

async fn online(
    State(api): State<Api>,
    InQuery(page): InQuery<OnlinePage>,
    _: Called,
) -> Result<Json<Online>, Fault> {
    let users = api
        .read(page.stale, |view| {
            read::online_listed(view, page.after.as_ref(), MAX_ONLINE)
        })
        .await?;
    Ok(Json(Online { users }))
}

async fn look_up(
    State(api): State<Api>,
    InPath(name): InPath<UserName>,
    InQuery(Freshness { stale }): InQuery<Freshness>,
    Called(caller): Called,
) -> Result<Json<UserInfo>, Fault> {
    api.read(stale, |view| {
        read::user_info(view, &name, Some(&caller.user))
    })
    .await?
    .map(Json)
    .ok_or_else(|| not_registered(&name))
}

fn not_registered(name: &UserName) -> Fault {
    let message = format!("{name} is not registered with this cluster");
    Fault::new(ErrorCode::NotRegistered, message)
}

async fn revoke_device(
    State(api): State<Api>,
    Commanded(by, body): Commanded<RevokeDevice>,
) -> Result<Json<DoneBody>, Fault> {
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(DoneBody { done: true })),
        other => Err(unexpected(&other)),
    }
}

/// A report ends a session only if the session does not renew its lease when it is probed.
async fn report_offline(
    State(api): State<Api>,
    InPath(user): InPath<UserName>,
    Commanded(by, body): Commanded<ReportOffline>,
) -> Result<Json<ReportedOffline>, Fault> {
    let caller = by.caller.clone();
    let epoch = body.epoch;
    let command = by.command(body.op(user.clone()))?;
    // Not every report goes through the log, where the replicas would verify it.
    check_signature(&api, &command)?;
    let (known, related, session) = api
        .read(false, |view| {
            (
                read::user_info(view, &user, None).is_some(),
                read::is_counterparty(view, &caller.user, &user),
                read::session_of_epoch(view, &user, epoch),
            )
        })
        .await?;
    if !known {
        return Err(not_registered(&user));
    }
    if !related {
        let message = format!("only a user who shares a grant with {user} may report them offline");
        return Err(Fault::new(ErrorCode::Forbidden, message));
    }
    if let Some(session) = session.filter(|session| session.online)
        && presence::probe(&api.rpc, session.device, epoch).await?
    {
        return Ok(Json(ReportedOffline { offline: false }));
    }
    match api.write(&command).await? {
        Done::Offline { offline } => Ok(Json(ReportedOffline { offline })),
        other => Err(unexpected(&other)),
    }
}
