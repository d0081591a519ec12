//! etcd's gRPC API, over bare HTTP/2.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use hyper::Request;

use crate::clusters::caller::connect;

/// Bytes that a peer may send before we answer: more than any answer here has.
const WINDOW: u32 = 8 * 1024 * 1024;

/// A connection that callers share.
#[derive(Debug, Clone)]
pub struct Channel(SendRequest<Bytes>);

impl Channel {
    pub async fn connect(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = connect(to).await?;
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let (sender, connection) = builder.handshake(stream).await?;
        // Ends with its error, which the sender reports.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self(sender))
    }
}

/// One caller's way to a member.
#[derive(Debug)]
pub struct Grpc {
    channel: Channel,
    authority: String,
}

impl Grpc {
    pub fn new(channel: Channel, to: SocketAddr) -> Self {
        Self {
            channel,
            authority: to.to_string(),
        }
    }

    /// Calls a method and returns its answer's frame.
    pub async fn call(&mut self, method: &str, message: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::builder()
            .method("POST")
            .uri(format!(
                "http://{}/etcdserverpb.KV/{method}",
                self.authority
            ))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let mut sender = self.channel.0.clone().ready().await?;
        let (answer, mut body) = sender.send_request(request, false)?;
        body.send_data(message, true)?;
        let mut answer = answer.await?.into_body();
        let mut first = Bytes::new();
        while let Some(data) = answer.data().await {
            let data = data?;
            answer.flow_control().release_capacity(data.len())?;
            if first.is_empty() {
                first = data;
            }
        }
        let trailers = answer.trailers().await?.context("an answer has trailers")?;
        let status = trailers.get("grpc-status").map(|status| status.as_bytes());
        ensure!(status == Some(b"0"), "{method}: {trailers:?}");
        Ok(first)
    }
}
