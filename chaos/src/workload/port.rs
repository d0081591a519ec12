//! The way from clients to nodes, in the simulator and in real runs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::SigningKey;
use futures_util::future::BoxFuture;
use http_body_util::Full;

use crate::history::Micros;

/// One call.
#[derive(Debug, Clone)]
pub struct Request {
    /// The device that calls, and proves its key by TLS; None for one that nobody knows.
    pub device: Option<Arc<SigningKey>>,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Request {
    /// A read that needs no device.
    #[must_use]
    pub fn of_anyone(path: &str) -> Self {
        Self {
            device: None,
            method: "GET",
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The call as it goes out.
    ///
    /// # Errors
    /// When it is none: then nothing was sent.
    pub(crate) fn into_http(self, host: &str) -> Result<hyper::Request<Full<Bytes>>, CallFailed> {
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header("host", host);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(self.body))
            .map_err(|why| CallFailed::NotSent(why.to_string()))
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub body: Bytes,
}

/// A call without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailed {
    /// No connection: not a byte of it went out.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have arrived, and may still be carried out.
    #[error("no answer: {0}")]
    Lost(String),
}

/// The body of an answer while it comes.
pub trait Chunks: Send {
    /// The next bytes; None at the end, or when the connection is lost.
    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>>;
}

/// The status of an answer, and its body while it comes.
pub type Opened = (u16, Box<dyn Chunks>);

/// Calls of one client machine. Clients never reuse a connection on which a call has failed.
pub trait Port: Send + Sync + 'static {
    /// Sends a call, and waits for the whole answer.
    fn call(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<Response, CallFailed>>;

    /// Sends a call whose answer does not end by itself. The status has come on return.
    fn open(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<Opened, CallFailed>>;

    /// All nodes that have an API, in order.
    fn nodes(&self) -> Vec<NodeId>;

    /// Whether a node lies at times: then nothing that it answers is known.
    fn is_liar(&self, _node: NodeId) -> bool {
        false
    }

    /// The client machine's wall clock.
    fn now_unix(&self) -> Millis;

    /// Time since the run began, by a clock that no fault touches.
    fn elapsed(&self) -> Micros;
}
