//! The operator's commands.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{self, paths};

use super::auth::Ordered;
use super::write::unexpected;
use super::{Api, Fault};
use cameo_machine::Done;

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::OPERATOR, post(order))
}

async fn order(
    State(api): State<Api>,
    Ordered(command): Ordered,
) -> Result<Json<api::Done>, Fault> {
    match api.write(&command).await? {
        Done::Nothing => Ok(Json(api::Done { done: true })),
        other => Err(unexpected(&other)),
    }
}
