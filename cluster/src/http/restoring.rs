//! The paths of users in a cluster that begins from a backup: closed until its state is taken over.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use cameo_machine::read;

use super::{Api, Fault};

/// Time after which to try again.
const RETRY_AFTER_MS: u64 = 1_000;

/// Has these routes answer that the cluster does not serve yet, as long as this node's state lacks
/// rows of the predecessor's. A state that is half there would say that users are not registered.
pub(super) fn closed_until_done(routes: Router<Api>, api: &Api) -> Router<Api> {
    routes.layer(from_fn_with_state(api.clone(), check))
}

async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let restoring = read::restoring(&*api.replica.view());
    match restoring {
        None => next.run(request).await,
        Some(refusal) => Fault::from(refusal)
            .retry_after(RETRY_AFTER_MS)
            .into_response(),
    }
}
