//! Grants: creation, later deals, receipts, and reads by the parties.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{
    CreateGrant, Created, Done as DoneBody, ErrorCode, GrantInfo, GrantList, GrantsToDealAgain,
    LogInfo, PutDeal, PutReceipt, Reopen, paths,
};
use cameo_common::ids::GrantId;
use cameo_common::rights::MAX_PERMITTED;
use serde::Deserialize;

use super::auth::{Called, Commanded, statement};
use super::body::{InPath, InQuery};
use super::read::Freshness;
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::{Done, Refusal, read};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::GRANTS, post(create).get(list))
        .route(paths::GRANTS_TO_DEAL_AGAIN, get(to_deal_again))
        .route(paths::GRANT, get(one))
        .route(paths::DEALS, post(deal))
        .route(paths::REOPENING, post(reopen))
        .route(paths::GRANT_LOG, get(log))
        .route(paths::RECEIPT, post(receipt))
}

async fn create(
    State(api): State<Api>,
    Commanded(by, body): Commanded<CreateGrant>,
) -> Result<Json<Created>, Fault> {
    statement(&api, &body.request)?;
    statement(&api, &body.manifest)?;
    statement(&api, &body.deal)?;
    statement(&api, &body.rights)?;
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::GrantCreated { grant } => Ok(Json(Created { grant })),
        other => Err(unexpected(&other)),
    }
}

/// `GET /v1/grants?after=GRANT`, and the same of those to deal again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantPage {
    after: Option<GrantId>,
    #[serde(default)]
    stale: bool,
}

async fn list(
    State(api): State<Api>,
    InQuery(page): InQuery<GrantPage>,
    Called(caller): Called,
) -> Result<Json<GrantList>, Fault> {
    let list = api
        .read(page.stale, |view| {
            read::grants_of(view, &caller.user, page.after.as_ref(), GrantList::LIMIT)
        })
        .await?;
    Ok(Json(list))
}

async fn to_deal_again(
    State(api): State<Api>,
    InQuery(page): InQuery<GrantPage>,
    Called(caller): Called,
) -> Result<Json<GrantsToDealAgain>, Fault> {
    let (owner, after) = (&caller.user, page.after.as_ref());
    let read::GrantsToDealAgain { grants, next } = api
        .read(page.stale, |view| {
            read::grants_to_deal_again(view, owner, after, GrantList::LIMIT)
        })
        .await?;
    Ok(Json(GrantsToDealAgain { grants, next }))
}

async fn one(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    InQuery(Freshness { stale }): InQuery<Freshness>,
    Called(caller): Called,
) -> Result<Json<GrantInfo>, Fault> {
    api.read(stale, |view| read::grant_info(view, &grant, &caller.user))
        .await?
        .map(Json)
        .ok_or_else(|| Refusal::NoSuchGrant.into())
}

async fn log(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    InQuery(Freshness { stale }): InQuery<Freshness>,
    Called(caller): Called,
) -> Result<Json<LogInfo>, Fault> {
    api.read(stale, |view| {
        read::grant_log(view, &grant, &caller.user, 0, MAX_PERMITTED as usize)
    })
    .await?
    .map(Json)
    .ok_or_else(|| Refusal::NoSuchGrant.into())
}

async fn deal(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    Commanded(by, body): Commanded<PutDeal>,
) -> Result<Json<DoneBody>, Fault> {
    check_path(&grant, &statement(&api, &body.deal)?.grant)?;
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(DoneBody { done: true })),
        other => Err(unexpected(&other)),
    }
}

async fn reopen(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    Commanded(by, body): Commanded<Reopen>,
) -> Result<Json<DoneBody>, Fault> {
    check_path(&grant, &statement(&api, &body.reopening)?.grant)?;
    check_path(&grant, &statement(&api, &body.deal)?.grant)?;
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(DoneBody { done: true })),
        other => Err(unexpected(&other)),
    }
}

async fn receipt(
    State(api): State<Api>,
    InPath(grant): InPath<GrantId>,
    Commanded(by, body): Commanded<PutReceipt>,
) -> Result<Json<DoneBody>, Fault> {
    check_path(&grant, &statement(&api, &body.receipt)?.grant)?;
    let command = by.command(&body)?;
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(DoneBody { done: true })),
        other => Err(unexpected(&other)),
    }
}

/// Checks that a statement is about the grant in the path.
pub(super) fn check_path(path: &GrantId, statement: &GrantId) -> Result<(), Fault> {
    if path == statement {
        Ok(())
    } else {
        Err(Fault::new(
            ErrorCode::Mismatch,
            "the statement is about another grant than the path",
        ))
    }
}
