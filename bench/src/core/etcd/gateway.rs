//! etcd's JSON gateway.

use std::net::SocketAddr;

use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::json;

use super::Entry;
use crate::core::caller::{Http1, connect};

pub const PUT: &str = "/v3/kv/put";
pub const RANGE: &str = "/v3/kv/range";

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

    pub async fn send(&mut self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let request = self.0.request("POST", path, None, body)?;
        self.0.send(request).await
    }
}

pub fn put(entry: &Entry) -> Bytes {
    let [key, value] = [&entry.key, &entry.value].map(|bytes| BASE64.encode(bytes));
    json!({"key": key, "value": value}).to_string().into()
}

pub fn range(entry: &Entry) -> Bytes {
    json!({"key": BASE64.encode(&entry.key)}).to_string().into()
}
