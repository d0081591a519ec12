//! A client of ours that writes by any node, and asks whether a write is in the state.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use cameo_common::api::{ApiError, EndSession, ErrorCode, paths};
use cameo_common::ids::{ClusterId, RequestId};
use cameo_common::op::Op;
use hyper::StatusCode;

use super::connection::Connection;
use super::people::{Person, random};

/// Epochs of no session: of what is written, and of what is asked under the same request id.
const WRITTEN: EndSession = EndSession { epoch: 0 };
const OTHER: EndSession = EndSession { epoch: 1 };

/// A client with a connection of its own to each node that it calls.
#[derive(Debug)]
pub struct Writer {
    cluster: ClusterId,
    person: Arc<Person>,
    nodes: Vec<(SocketAddr, Option<Connection>)>,
}

impl Writer {
    pub(super) fn new(cluster: ClusterId, person: Arc<Person>, nodes: Vec<SocketAddr>) -> Self {
        Self {
            cluster,
            person,
            nodes: nodes.into_iter().map(|to| (to, None)).collect(),
        }
    }

    /// Ends a session that never was, by this node: the lightest command. Its reply is in the retry
    /// table under the request id that is returned.
    pub async fn write(&mut self, node: usize) -> anyhow::Result<RequestId> {
        let request = RequestId(random());
        let (status, body) = self.call(node, request, &WRITTEN).await?;
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(request)
    }

    /// A request id of no write.
    pub fn never_written() -> RequestId {
        RequestId(random())
    }

    /// Whether a write is in the retry table: another command under its request id is refused for
    /// just that, or else carried out. To be asked within [`cameo_common::api::RETRY_RETENTION`].
    pub async fn has(&mut self, node: usize, request: RequestId) -> anyhow::Result<bool> {
        let (status, body) = self.call(node, request, &OTHER).await?;
        if status.is_success() {
            return Ok(false);
        }
        match serde_json::from_slice::<ApiError>(&body) {
            Ok(error) if error.code == ErrorCode::RequestReused => Ok(true),
            _ => bail!("{status}: {}", String::from_utf8_lossy(&body)),
        }
    }

    /// A connection on which a call was not answered, or given up, is not used again.
    async fn call(
        &mut self,
        node: usize,
        request: RequestId,
        body: &EndSession,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let (to, kept) = self.nodes.get_mut(node).context("such a node")?;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(&self.person.device, *to).await?,
        };
        let op = Op::from(body);
        let proof = self.person.authorize_as(request, self.cluster, &op);
        let call = connection.post(paths::END_SESSION, Some(&proof), body)?;
        let answer = connection.exchange(call).await?;
        *kept = Some(connection);
        Ok(answer)
    }
}
