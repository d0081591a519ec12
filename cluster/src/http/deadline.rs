//! A time limit for a request, from its head to the start of its reply.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use cameo_common::api::ErrorCode;

use super::Fault;

/// Longer than everything that a request waits for in a handler: its body, a leader, a majority.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Limits the time of each request to the router.
pub(super) fn limit<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    deadline: Duration,
) -> Router<S> {
    router.layer(from_fn(move |request, next| {
        answer_in_time(deadline, request, next)
    }))
}

async fn answer_in_time(deadline: Duration, request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) if reads => late(ErrorCode::Unavailable, "ask another node"),
        Err(_) => late(
            ErrorCode::OutcomeUnknown,
            "it may have been carried out: ask again with the same request id",
        ),
    }
}

fn late(code: ErrorCode, next: &str) -> Response {
    let message = format!("the node did not answer in time; {next}");
    Fault::new(code, message).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_answered_all_the_same() {
        // given handlers that never answer
        let stuck = get(std::future::pending::<()>).post(std::future::pending::<()>);
        let router = limit(Router::new().route("/", stuck), Duration::from_millis(10));
        let service = TowerToHyperService::new(router);
        for (method, status) in [
            ("GET", StatusCode::SERVICE_UNAVAILABLE),
            // It may have been carried out.
            ("POST", StatusCode::GATEWAY_TIMEOUT),
        ] {
            let request = Request::builder().method(method).body(Body::empty());
            let reply = service.call(request.unwrap()).await.unwrap();
            assert_eq!(reply.status(), status);
        }
    }
}
