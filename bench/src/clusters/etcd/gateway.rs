//! etcd's JSON gateway.

use std::net::SocketAddr;

use anyhow::Context as _;
use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Entry;
use crate::clusters::caller::{Http1, connect};

pub const PUT: &str = "/v3/kv/put";
pub const RANGE: &str = "/v3/kv/range";
const STATUS: &str = "/v3/maintenance/status";

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub member: u64,
    /// The leader's id, 0 while there is none.
    pub leader: u64,
    pub term: u64,
    /// Index of the last entry that it has applied.
    pub applied: u64,
}

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

    pub async fn status(&mut self) -> anyhow::Result<Status> {
        let body = self.send(STATUS, Bytes::from_static(b"{}")).await?;
        status(&serde_json::from_slice(&body)?).context("the status of a member")
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

/// Numbers are strings, and what is zero is left out.
fn status(body: &Value) -> Option<Status> {
    let number = |value: &Value| match value {
        Value::Null => Some(0),
        value => value.as_str()?.parse().ok(),
    };
    Some(Status {
        member: number(&body["header"]["member_id"])?,
        leader: number(&body["leader"])?,
        term: number(&body["raftTerm"])?,
        applied: number(&body["raftAppliedIndex"])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_member_is_read_as_etcd_writes_it() {
        // Given an answer of etcd 3.4.23, and one of a member without a leader
        let mut answer = json!({
            "header": {"cluster_id": "14841639068965178418", "member_id": "10276657743932975437",
                       "revision": "1", "raft_term": "2"},
            "version": "3.4.23", "dbSize": "20480", "leader": "10276657743932975437",
            "raftIndex": "4", "raftTerm": "2", "raftAppliedIndex": "4", "dbSizeInUse": "16384"
        });
        let led = Status {
            member: 10_276_657_743_932_975_437,
            leader: 10_276_657_743_932_975_437,
            term: 2,
            applied: 4,
        };
        assert_eq!(status(&answer).as_ref(), Some(&led));
        answer["leader"] = Value::Null;
        assert_eq!(status(&answer), Some(Status { leader: 0, ..led }));
        answer["raftTerm"] = json!("two");
        assert_eq!(status(&answer), None);
    }
}
