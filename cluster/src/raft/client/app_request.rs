//! Requests to the `AppService` of another member.

use std::fmt;

use cameo_common::ids::NodeId;
use thiserror::Error;
use tokio::time::Instant;

use crate::link::{CallError, Lane, Links};
use crate::raft::members::member_view::MemberView;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};

/// Why an `App` request has no answer.
#[derive(Debug, Clone, Error)]
pub enum AskError {
    #[error("node {0} is not a member")]
    NotMember(NodeId),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("cannot decode the answer: {0}")]
    Malformed(String),
}

pub(super) async fn ask(
    members: &MemberView,
    links: &Links,
    node: NodeId,
    body: Vec<u8>,
    deadline: Instant,
) -> Result<Vec<u8>, AskError> {
    let member = members.member(node).ok_or(AskError::NotMember(node))?;
    let link = links.member(node, &member.link, Lane::App);
    let reply = link.call(&app_request(body), deadline).await?;
    app_reply(&reply)
}

/// The bytes of a request to the `AppService` of a member, as they are on a link.
#[must_use]
pub fn app_request(body: Vec<u8>) -> Vec<u8> {
    encode(&NodeRequest::App(body))
}

/// The body of its reply.
///
/// # Errors
/// [`AskError::Malformed`] when the bytes are of another version, or of another reply.
pub fn app_reply(bytes: &[u8]) -> Result<Vec<u8>, AskError> {
    let malformed = |error: &dyn fmt::Display| AskError::Malformed(error.to_string());
    match decode(bytes).map_err(|error| malformed(&error))? {
        NodeReply::App(body) => Ok(body),
        _ => Err(malformed(&"the reply does not match the request")),
    }
}
