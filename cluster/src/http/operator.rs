//! The operator's commands, answered by this node's own state.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{self, ErrorCode, paths};
use cameo_common::ids::UserName;
use cameo_common::op::Op;
use cameo_common::registration::RegistrationMode;

use super::auth::Ordered;
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::{Command, Done, read};

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::OPERATOR, post(order))
}

/// Refuses an invite that registers nobody. No rule of the log: the registration is refused anyway,
/// and the operator learns it before its bearer does.
async fn check_invite(api: &Api, name: Option<&UserName>) -> Result<(), Fault> {
    let (mode, is_taken) = api
        .read(false, |view| {
            let is_taken = |name| read::user_info(view, name, None).is_some();
            (read::registration_mode(view), name.is_some_and(is_taken))
        })
        .await?;
    if mode == Some(RegistrationMode::Closed) {
        return Err(Fault::new(
            ErrorCode::RegistrationClosed,
            "registration is closed, and an invite registers nobody: order `cameod registration \
             invite` first",
        ));
    }
    match name.filter(|_| is_taken) {
        None => Ok(()),
        Some(name) => Err(Fault::new(
            ErrorCode::NameTaken,
            format!(
                "the name {name} is registered already, and an invite for it registers nobody; \
                 choose another name"
            ),
        )),
    }
}

async fn order(
    State(api): State<Api>,
    Ordered(command): Ordered,
) -> Result<Json<api::Done>, Fault> {
    if let Op::CreateInvite { name, .. } = &command.op
        && !is_done(&api, &command).await?
    {
        check_invite(&api, name.as_ref()).await?;
    }
    match api.write(&command).await? {
        Done::Nothing => {}
        other => return Err(unexpected(&other)),
    }
    // The operator counts what nodes say by their own state, not by the leader's word. After the
    // write a failure no longer means that nothing was changed.
    match is_done(&api, &command).await {
        Ok(true) => Ok(Json(api::Done { done: true })),
        Ok(false) | Err(_) => Err(Fault::new(
            ErrorCode::OutcomeUnknown,
            "the leader has the order, and this node's state does not have it yet: send it again",
        )),
    }
}

/// Whether this node's own state has the order, by a linearizable read.
async fn is_done(api: &Api, command: &Command) -> Result<bool, Fault> {
    api.read(false, |view| read::stored_reply(view, command).is_some())
        .await
}
