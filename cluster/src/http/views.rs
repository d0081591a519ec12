//! Views: charged first, released after.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{DebitView, Debited, ErrorCode, ReleasePart, Released, paths};
use cameo_common::ids::GrantId;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;

use super::auth::{SignedJson, statement};
use super::body::InPath;
use super::grants::in_path;
use super::write::unexpected;
use super::{Api, Caller, Fault};
use cameo_machine::{Done, Op};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::VIEWS, post(debit))
        .route(paths::PARTS, post(release))
}

async fn debit(
    State(api): State<Api>,
    InPath(path): InPath<GrantId>,
    SignedJson(caller, DebitView { request }): SignedJson<DebitView>,
) -> Result<Json<Debited>, Fault> {
    by_caller(&api, &caller, &path, &request)?;
    match api.write(&caller, Op::Debit { request }).await?.1 {
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

async fn release(
    State(api): State<Api>,
    InPath(path): InPath<GrantId>,
    SignedJson(caller, ReleasePart { request, index }): SignedJson<ReleasePart>,
) -> Result<Json<Released>, Fault> {
    by_caller(&api, &caller, &path, &request)?;
    let released = api
        .releaser
        .release(&*api.replica, api.clock.unix_millis(), &request, index)
        .await?;
    Ok(Json(released))
}

/// A view request comes from its own device, is for this cluster, and about the path's grant.
fn by_caller(
    api: &Api,
    caller: &Caller,
    path: &GrantId,
    request: &Signed<ViewRequest>,
) -> Result<(), Fault> {
    let said = statement(request)?;
    in_path(path, &said.grant)?;
    if said.device != caller.device {
        let message = "the view request is another device's: sign it with the calling device";
        return Err(Fault::new(ErrorCode::Mismatch, message));
    }
    if said.cluster != api.cluster {
        let message = "the view request is for another cluster";
        return Err(Fault::new(ErrorCode::WrongCluster, message));
    }
    Ok(())
}
