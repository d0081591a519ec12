//! Views: debits, and the release of this node's part.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{Debited, ErrorCode, ReleasePart, Released, paths};
use cameo_common::ids::GrantId;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_mutant::{Mutant, is_planted};

use super::auth::{CalledJson, SignedView, statement};
use super::body::InPath;
use super::grants::check_path;
use super::write::unexpected;
use super::{Api, Caller, Fault};
use cameo_machine::{Command, Done, Op, Refusal, read};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::VIEWS, post(debit))
        .route(paths::PARTS, post(release))
}

async fn debit(
    State(api): State<Api>,
    InPath(path): InPath<GrantId>,
    view: SignedView,
) -> Result<Json<Debited>, Fault> {
    check_path(&path, &view.asked.grant)?;
    if is_planted(Mutant::QuotaCheckedOutside) {
        check_quota(&api, &view.caller, &path)?;
    }
    let command = Command {
        caller: cameo_machine::Caller::Signer,
        op: Op::Debit {
            request: view.signed,
        },
    };
    match api.write(&command).await? {
        Done::Debited {
            grant,
            request,
            number,
            used,
            left,
            index,
            deal,
        } => Ok(Json(Debited {
            grant,
            request,
            number,
            used,
            left,
            index,
            deal,
        })),
        other => Err(unexpected(&other)),
    }
}

/// The machine's check, in the wrong place: by what this node has applied so far.
fn check_quota(api: &Api, caller: &Caller, grant: &GrantId) -> Result<(), Fault> {
    let info = read::grant_info(&*api.replica.view(), grant, &caller.user);
    match info {
        Some(info) if info.revoked => Err(Refusal::Revoked.into()),
        Some(info) if info.left == 0 => Err(Refusal::UsedUp.into()),
        _ => Ok(()),
    }
}

async fn release(
    State(api): State<Api>,
    InPath(path): InPath<GrantId>,
    CalledJson(caller, ReleasePart { request, index }): CalledJson<ReleasePart>,
) -> Result<Json<Released>, Fault> {
    check_request(&api, &caller, &path, &request)?;
    let released = api
        .releaser
        .release(&*api.replica, api.clock.unix_millis(), &request, index)
        .await?;
    Ok(Json(released))
}

/// Checks that a view request is for the path's grant and this cluster, and of the calling device.
fn check_request(
    api: &Api,
    caller: &Caller,
    path: &GrantId,
    request: &Signed<ViewRequest>,
) -> Result<(), Fault> {
    let content = statement(api, request)?;
    check_path(path, &content.grant)?;
    if content.device != caller.device {
        let message = "the view request belongs to another device: sign it with the calling device";
        return Err(Fault::new(ErrorCode::Mismatch, message));
    }
    if content.cluster != api.cluster {
        let message = "the view request is for another cluster";
        return Err(Fault::new(ErrorCode::WrongCluster, message));
    }
    Ok(())
}
