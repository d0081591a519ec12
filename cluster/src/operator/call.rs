//! One HTTP call to a node, over a TLS connection of its own.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use cameo_common::api::paths;
use cameo_common::cluster_address::host_and_port;
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_tls::{API_ALPN, Expected};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Time for one call, connecting included. Longer than a node looks for a majority.
const CALL_TIMEOUT: Duration = Duration::from_millis(6_500);
/// The longest answer that is read.
pub(super) const MAX_ANSWER: usize = 256 * 1024;
/// The same for the chain of descriptors, which has up to a thousand, each with the signatures of
/// the nodes before. Clients read as much.
const MAX_CHAIN: usize = 8 << 20;

/// Required by the TLS library as the server's name; not sent and not checked.
const SERVER_NAME: &str = "node.cameo.invalid";

/// What is said of a program that does not prove to be a node, after its URL.
const FOREIGN: &str = "is answered by a program that is no node of the cluster";

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Certain: the node has not seen the call.
    #[error("{url} {why}")]
    NotSent { url: String, why: String },
    /// The node may have carried it out.
    #[error("{url} did not answer: {why}")]
    Lost { url: String, why: String },
}

/// The two ends of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'a> {
    /// The key that the operator proves.
    pub operator: &'a Arc<SigningKey>,
    /// The keys of which the node has to have one; `None` before they are known.
    pub nodes: Option<&'a [PublicKey]>,
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

/// A call that reads, by nobody's order.
pub(super) fn get(path: &'static str) -> Call {
    Call {
        method: Method::GET,
        path,
        header: None,
        body: Bytes::new(),
    }
}

/// The whole answer to a call.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The key of the node that has answered.
    pub node: PublicKey,
    pub status: StatusCode,
    pub body: Bytes,
}

/// Sends a call to the node at a base URL, and reads the whole answer.
pub(super) async fn send(url: &str, call: &Call, ends: Ends<'_>) -> Result<Answer, CallError> {
    let lost = |why: String| CallError::Lost {
        url: url.to_owned(),
        why,
    };
    let answered = timeout(CALL_TIMEOUT, send_untimed(url, call, ends));
    answered
        .await
        .unwrap_or_else(|_| Err(lost("it took too long".into())))
}

async fn send_untimed(url: &str, call: &Call, ends: Ends<'_>) -> Result<Answer, CallError> {
    let (node, answer, _connection) = connected(url, call, ends).await?;
    let status = answer.status();
    let limit = match call.path {
        paths::CLUSTER => MAX_CHAIN,
        _ => MAX_ANSWER,
    };
    let body = to_bytes(Body::new(answer.into_body()), limit).await;
    let body = body.map_err(|error| CallError::Lost {
        url: url.to_owned(),
        why: error.to_string(),
    })?;
    Ok(Answer { node, status, body })
}

/// A connection with its answer. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a call over a connection of its own, and reads the head of the answer.
pub(super) async fn connected(
    url: &str,
    call: &Call,
    ends: Ends<'_>,
) -> Result<(PublicKey, Response<Incoming>, Connection), CallError> {
    let not_sent = |why: String| CallError::NotSent {
        url: url.to_owned(),
        why,
    };
    let lost = |why: String| CallError::Lost {
        url: url.to_owned(),
        why,
    };
    let address = host_and_port(url).map_err(|error| not_sent(error.to_string()))?;
    let host = url.trim_start_matches("https://");
    let request = request(host, call).map_err(|error| not_sent(error.to_string()))?;
    let (stream, node) = connect(address, ends).await.map_err(not_sent)?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| not_sent(error.to_string()))?;
    // Ends with the answer, or with its error, which the sender reports.
    let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| lost(error.to_string()))?;
    Ok((node, answer, connection))
}

/// A connection whose other end has one of the keys, and which; else what is there, after its URL.
async fn connect(
    address: (&str, u16),
    ends: Ends<'_>,
) -> Result<(TlsStream<TcpStream>, PublicKey), String> {
    let config = cameo_tls::client(Arc::clone(ends.operator), Expected::Any, API_ALPN);
    let config = config.map_err(|error| format!("cannot be called: {error}"))?;
    let name = SERVER_NAME.try_into();
    let name = name.map_err(|_| "cannot be called".to_owned())?;
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => "cannot be reached: no program listens there".to_owned(),
        _ => format!("cannot be reached: {error}"),
    })?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|_| FOREIGN.to_owned())?;
    let key = cameo_tls::peer_key(stream.get_ref().1.peer_certificates());
    let key = key.map_err(|_| FOREIGN.to_owned())?;
    match ends.nodes {
        Some(nodes) if !nodes.contains(&key) => Err(FOREIGN.to_owned()),
        _ => Ok((stream, key)),
    }
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
