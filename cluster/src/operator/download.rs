//! An answer of a node that is too long to be kept in memory.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use cameo_common::api::ApiError;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::call::{Call, CallError, Connection, Ends, MAX_ANSWER, connected};

/// Time until the answer begins: the node has a state captured, written and signed before.
const BEGINS_WITHIN: Duration = Duration::from_secs(660);
/// Time for the next bytes of it.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no answer of this kind.
#[derive(Debug)]
pub(super) enum DownloadError {
    Call(CallError),
    Refused(ApiError),
}

/// A successful answer, whose bytes are still to come.
#[derive(Debug)]
pub struct Download {
    url: String,
    /// Bytes that the node has announced.
    pub len: u64,
    body: BodyDataStream,
    _connection: Connection,
}

/// Sends a call, and returns when its answer begins.
pub(super) async fn begin(
    url: &str,
    call: &Call,
    ends: Ends<'_>,
) -> Result<Download, DownloadError> {
    let begun = timeout(BEGINS_WITHIN, begin_untimed(url, call, ends)).await;
    begun.unwrap_or_else(|_| Err(DownloadError::Call(lost(url, "it took too long"))))
}

async fn begin_untimed(url: &str, call: &Call, ends: Ends<'_>) -> Result<Download, DownloadError> {
    let answered = connected(url, call, ends).await;
    let (_, answer, connection) = answered.map_err(DownloadError::Call)?;
    let status = answer.status();
    let len = answer.headers().get(header::CONTENT_LENGTH);
    let len = len.and_then(|len| len.to_str().ok()?.parse().ok());
    let mut download = Download {
        url: url.to_owned(),
        len: len.unwrap_or_default(),
        body: Body::new(answer.into_body()).into_data_stream(),
        _connection: connection,
    };
    if status == StatusCode::OK {
        return Ok(download);
    }
    let mut said = Vec::new();
    while said.len() <= MAX_ANSWER {
        match download.next().await.map_err(DownloadError::Call)? {
            Some(bytes) => said.extend_from_slice(&bytes),
            None => break,
        }
    }
    Err(DownloadError::Refused(super::refusal::refusal(&said)))
}

impl Download {
    /// The next bytes; None after the last ones.
    ///
    /// # Errors
    /// When the node sends no more in time, or the connection ends.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let next = timeout(CHUNK_TIMEOUT, self.body.next()).await;
        let next = next.map_err(|_| lost(&self.url, "it has sent nothing for 30 s"))?;
        let next = next.transpose();
        next.map_err(|error| lost(&self.url, &error.to_string()))
    }
}

fn lost(url: &str, why: &str) -> CallError {
    CallError::Lost {
        url: url.to_owned(),
        why: why.to_owned(),
    }
}
