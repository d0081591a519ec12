//! A single request to a single node, on a connection of its own.

use tokio::time::Instant;

use super::wire::{NodeReply, NodeRequest, decode, encode};
use crate::link::{CallError, Dial, Links};

/// Sends `request` to the node that `dial` names.
pub(crate) async fn ask(
    links: &Links,
    dial: Dial,
    request: &NodeRequest,
    deadline: Instant,
) -> Result<NodeReply, CallError> {
    let body = encode(request);
    let reply = links.dedicated(dial).call(&body, deadline).await?;
    decode(&reply).map_err(|error| CallError::Denied(error.to_string()))
}
