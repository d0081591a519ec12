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
    let malformed = |error: &dyn fmt::Display| AskError::Malformed(error.to_string());
    let request = encode(&NodeRequest::App(body));
    let link = links.member(node, &member.link, Lane::App);
    let reply = link.call(&request, deadline).await?;
    match decode(&reply).map_err(|error| malformed(&error))? {
        NodeReply::App(body) => Ok(body),
        _ => Err(malformed(&"the reply does not match the request")),
    }
}
