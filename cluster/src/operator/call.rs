//! One HTTP call to a node, over a connection of its own.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time for one call, connecting included. Longer than a node looks for a majority.
const CALL_TIMEOUT: Duration = Duration::from_millis(6_500);
/// The longest answer that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Certain: the node has not seen the call.
    #[error("{url}: {why}")]
    NotSent { url: String, why: String },
    /// The node may have carried it out.
    #[error("{url} did not answer: {why}")]
    Lost { url: String, why: String },
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub method: Method,
    pub path: &'static str,
    /// Name and value.
    pub header: Option<(&'static str, String)>,
    pub body: Bytes,
}

/// Sends a call to the node at a base URL, and reads the whole answer.
pub(super) async fn send(url: &str, call: &Call) -> Result<(StatusCode, Bytes), CallError> {
    let lost = |why: String| CallError::Lost {
        url: url.to_owned(),
        why,
    };
    let answered = timeout(CALL_TIMEOUT, send_untimed(url, call));
    answered
        .await
        .unwrap_or_else(|_| Err(lost("it took too long".into())))
}

async fn send_untimed(url: &str, call: &Call) -> Result<(StatusCode, Bytes), CallError> {
    let not_sent = |why: String| CallError::NotSent {
        url: url.to_owned(),
        why,
    };
    let lost = |why: String| CallError::Lost {
        url: url.to_owned(),
        why,
    };
    let host = url.strip_prefix("http://").ok_or_else(|| {
        not_sent("only http:// is spoken here; ask a node on its own machine".into())
    })?;
    let request = request(host, call).map_err(|error| not_sent(error.to_string()))?;
    let stream = TcpStream::connect(host)
        .await
        .map_err(|error| not_sent(error.to_string()))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| not_sent(error.to_string()))?;
    // Ends with the answer, or with its error, which the sender reports.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let answered = async {
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| lost(error.to_string()))?;
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), MAX_ANSWER).await;
        Ok((status, body.map_err(|error| lost(error.to_string()))?))
    };
    let answered = answered.await;
    connection.abort();
    answered
}

fn request(host: &str, call: &Call) -> Result<Request<Body>, axum::http::Error> {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some((name, value)) = &call.header {
        request = request.header(*name, value);
    }
    request.body(Body::from(call.body.clone()))
}
