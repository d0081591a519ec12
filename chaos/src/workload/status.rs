//! The status of a node, as anyone can ask for it.

use std::time::Duration;

use cameo_common::api::{NodeStatus, paths};
use cameo_common::ids::NodeId;

use super::client::Client;
use super::port::Request;

/// Longest wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// A node's status; None without an answer.
pub async fn status(client: &Client, node: NodeId) -> Option<NodeStatus> {
    let request = Request::of_anyone(paths::STATUS);
    let answer = client.run.port.call(node, request, ANSWER_WITHIN).await;
    serde_json::from_slice(&answer.ok()?.body).ok()
}
