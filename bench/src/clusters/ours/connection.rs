//! A device's connection to a node, over TLS as clients have it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use cameo_common::api::AUTHORIZATION_HEADER;
use cameo_common::keys::SigningKey;
use cameo_tls::{API_ALPN, Expected};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::clusters::caller::{Http1, connect};

/// A kept connection.
#[derive(Debug)]
pub struct Connection(Http1);

impl Connection {
    /// Proves the device's key. Any node will do: this program has started it.
    pub async fn open(device: &SigningKey, to: SocketAddr) -> anyhow::Result<Self> {
        Self::over(connect(to).await?, device, to).await
    }

    /// The same over a connection that is there.
    pub async fn over(
        stream: TcpStream,
        device: &SigningKey,
        to: SocketAddr,
    ) -> anyhow::Result<Self> {
        let device = Arc::new(SigningKey::from_seed(*device.seed()));
        let config = cameo_tls::client(device, Expected::Any, API_ALPN)?;
        let name = "node.cameo.invalid".try_into()?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
        Ok(Self(Http1::over(stream.await?, to).await?))
    }

    /// A command that its header or its body proves.
    pub fn post(
        &self,
        path: &str,
        proof: Option<&str>,
        body: &impl Serialize,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let proof = proof.map(|proof| (AUTHORIZATION_HEADER, proof));
        let body = serde_json::to_vec(body)?;
        self.0.request("POST", path, proof, body.into())
    }

    /// A read.
    pub fn get(&self, path: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        self.0.request("GET", path, None, Bytes::new())
    }

    /// Makes and sends a command.
    pub async fn command(
        &mut self,
        path: &str,
        proof: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Bytes> {
        let request = self.post(path, Some(proof), body)?;
        self.send(request).await
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Bytes> {
        self.0.send(request).await
    }

    /// The body of a successful answer, as it comes. The connection is kept beside it.
    pub async fn stream(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Incoming> {
        self.0.stream(request).await
    }

    /// Status and body of an answer.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        self.0.exchange(request).await
    }

    /// Sends, and reads the answer.
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<T> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).with_context(|| String::from_utf8_lossy(&body).into_owned())
    }
}
