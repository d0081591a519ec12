//! HTTP calls over connections of our own: one a call.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::network::Dialer;
use crate::workload::{CallFailed, Request};

/// Sends a call, and waits for the head of its answer.
///
/// # Errors
/// Says whether it may have arrived.
pub(super) async fn send(
    dialer: &Dialer,
    to: SocketAddr,
    request: Request,
) -> Result<hyper::Response<Incoming>, CallFailed> {
    let not_sent = |why: &dyn std::fmt::Display| CallFailed::NotSent(why.to_string());
    let lost = |why: hyper::Error| CallFailed::Lost(why.to_string());
    let stream = dialer.connect(to).await.map_err(|why| not_sent(&why))?;
    drop(stream.set_nodelay(true));
    let asked = request.into_http(&to.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|why| not_sent(&why))?;
    // Ends with the answer, or with its error, which the sender reports.
    tokio::spawn(async move { drop(connection.await) });
    sender.send_request(asked).await.map_err(lost)
}

/// The body of an answer with status 200.
pub(super) async fn get(dialer: &Dialer, to: SocketAddr, path: &str) -> Option<Bytes> {
    let request = Request {
        method: "GET",
        path: path.to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let answer = send(dialer, to, request).await.ok()?;
    if answer.status() != 200 {
        return None;
    }
    Some(answer.into_body().collect().await.ok()?.to_bytes())
}
