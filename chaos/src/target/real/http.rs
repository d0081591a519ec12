//! HTTP calls over connections of our own, one a call: over TLS, or in the clear where health and
//! metrics are served.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::network::Dialer;
use crate::target::tls;
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
    let not_sent = |why: std::io::Error| CallFailed::NotSent(why.to_string());
    let stream = dialer.connect(to).await.map_err(not_sent)?;
    drop(stream.set_nodelay(true));
    let device = request.device.clone();
    let stream = tls::connect(device, stream).await.map_err(not_sent)?;
    exchange(stream, to, request).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    to: SocketAddr,
    request: Request,
) -> Result<hyper::Response<Incoming>, CallFailed> {
    let asked = request.into_http(&to.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|why| CallFailed::NotSent(why.to_string()))?;
    // Ends with the answer, or with its error, which the sender reports.
    tokio::spawn(async move { drop(connection.await) });
    let answered = sender.send_request(asked).await;
    answered.map_err(|why| CallFailed::Lost(why.to_string()))
}

/// The body of an answer with status 200, in the clear.
pub(super) async fn get_plain(dialer: &Dialer, to: SocketAddr, path: &str) -> Option<Bytes> {
    let stream = dialer.connect(to).await.ok()?;
    let answer = exchange(stream, to, Request::of_anyone(path)).await.ok()?;
    if answer.status() != 200 {
        return None;
    }
    Some(answer.into_body().collect().await.ok()?.to_bytes())
}
