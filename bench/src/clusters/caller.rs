//! A client with one call at a time, and its connection.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// One client of a window.
pub trait Caller: Send {
    /// Makes this many calls ready, so that no window pays for what a client does on a machine of
    /// its own: signatures, and the encoding of bodies. Further ones are made ready when due.
    fn prepare(&mut self, calls: usize) -> anyhow::Result<()>;

    /// Makes a call and waits for its whole answer.
    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// A connection to a server on this machine, without delay of small segments.
pub async fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An HTTP/1.1 connection that is kept.
#[derive(Debug)]
pub struct Http1 {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Http1 {
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        to: SocketAddr,
    ) -> anyhow::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with its error, which the sender reports.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            host: to.to_string(),
        })
    }

    /// A request to this server.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
        body: Bytes,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        Ok(request.body(Full::new(body))?)
    }

    /// Status and body of an answer.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        self.sender.ready().await.context("the connection")?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }

    /// The body of a successful answer, as it comes.
    pub async fn stream(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Incoming> {
        self.sender.ready().await.context("the connection")?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status} for a stream");
        Ok(answer.into_body())
    }

    /// The body of a successful answer.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Bytes> {
        let (status, body) = self.exchange(request).await?;
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
