//! etcd's JSON gateway.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Call, Entry};
use crate::core::caller::{Caller as IsCaller, Http1, connect};

const PUT: &str = "/v3/kv/put";
const RANGE: &str = "/v3/kv/range";

/// A connection to a member.
#[derive(Debug)]
pub struct Gateway(Http1);

impl Gateway {
    pub async fn connect(to: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self(Http1::over(connect(to).await?, to).await?))
    }

    /// Writes an entry.
    pub async fn put(&mut self, entry: &Entry) -> anyhow::Result<()> {
        self.send(PUT, put(entry)).await.map(drop)
    }

    async fn send(&mut self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let request = self.0.request("POST", path, None, body)?;
        self.0.send(request).await
    }
}

fn put(entry: &Entry) -> Bytes {
    let [key, value] = [&entry.key, &entry.value].map(|bytes| BASE64.encode(bytes));
    json!({"key": key, "value": value}).to_string().into()
}

fn range(entry: &Entry) -> Bytes {
    json!({"key": BASE64.encode(&entry.key)}).to_string().into()
}

/// A client of a window.
pub struct Caller {
    gateway: Gateway,
    call: Call,
    entry: Entry,
    ready: Vec<Bytes>,
}

impl Caller {
    pub fn new(gateway: Gateway, call: Call, entry: Entry) -> Self {
        Self {
            gateway,
            call,
            entry,
            ready: Vec::new(),
        }
    }

    fn make(&mut self) -> Bytes {
        match self.call {
            Call::Put { .. } => {
                self.entry.renew();
                put(&self.entry)
            }
            Call::Range => range(&self.entry),
        }
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        let body = self.ready.pop().unwrap_or_else(|| self.make());
        match self.call {
            Call::Put { .. } => drop(self.gateway.send(PUT, body).await?),
            Call::Range => {
                let answer = self.gateway.send(RANGE, body).await?;
                ensure!(answer.len() > self.entry.value.len(), "nothing was read");
            }
        }
        Ok(())
    }
}

impl IsCaller for Caller {
    fn prepare(&mut self, calls: usize) -> anyhow::Result<()> {
        self.ready = (0..calls).map(|_| self.make()).collect();
        Ok(())
    }

    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.next().boxed()
    }
}
