//! A change of the nodes, from the operator's word to its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::api::{ErrorCode, OperatorCommand};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::cluster_descriptor::{Descriptor, MAX_NODES, NodeIdentity};
use cameo_common::descriptor_chain::MAX_DESCRIPTORS;
use cameo_common::ids::NodeId;

use super::signatures::collect;
use super::survey::Survey;
use super::waiting::{PATIENCE, until_followed};
use crate::operator::client::{OperatorClient, OrderError};
use crate::operator::key_file;
use crate::operator::member_error::MemberError;
use crate::operator::outcome::{Report, VerbError, request_id};
use crate::operator::patience::Tell;
use crate::operator::verbs::remove_worker;

/// Entries that a node may lack which becomes a voter.
const MAX_LAG_ENTRIES: u64 = 128;

/// A change, with its flags checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOrder {
    /// File of the operator's key.
    pub key: PathBuf,
    pub cluster: ClusterAddress,
    pub change: MemberChange,
    /// Also if live grants lose so many holders that they cannot be opened.
    pub force: bool,
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// A worker becomes a voter.
    Promote(NodeId),
    /// A member leaves.
    Remove(NodeId),
    /// A worker takes the place of a voter, which leaves.
    Replace { old: NodeId, new: NodeId },
}

/// What is to be done.
enum Next {
    /// This descriptor is the next one.
    Descriptor(Descriptor),
    /// The newest one has it already.
    Done,
    /// A worker leaves.
    Worker(NodeId),
}

/// Changes the nodes, and waits until they vote by it. Repeated, it goes on where it was.
///
/// # Errors
/// See [`VerbError`].
pub async fn change(order: MemberOrder, tell: Tell<'_>) -> Result<Report, VerbError> {
    let MemberOrder {
        key,
        cluster,
        change,
        force,
    } = order;
    let key = key_file::read(&key)?;
    let connected = OperatorClient::connect(key, cluster);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    let client = connected.await?;
    let descriptors = client.descriptors().clone();
    let signer = Arc::clone(client.signer());
    let survey = Survey::take(
        &signer,
        client.address().cluster,
        descriptors,
        client.nodes(),
    );
    let survey = tell.waiting("waiting for the nodes' answers", survey).await;
    let newest = survey.newest().clone();
    let next = match next(&survey, change)? {
        Next::Worker(node) => return remove_worker(&client, node, tell).await,
        Next::Done => newest,
        Next::Descriptor(next) => {
            check_quorum(&survey, &newest)?;
            check_quorum(&survey, &next)?;
            order_change(&client, &newest, &next, force, tell).await?;
            next
        }
    };
    let urls = urls(&survey, &client, &next);
    let waits = format!(
        "the change is in force; waiting until a majority of nodes vote by it, for at most {} s",
        PATIENCE.as_secs()
    );
    tell.waiting(&waits, until_followed(&signer, &next, &urls))
        .await?;
    Ok(Report {
        note: done(change, &next),
        output: None,
    })
}

fn done(change: MemberChange, next: &Descriptor) -> String {
    let ids: Vec<_> = next.nodes.iter().map(|node| node.id.to_string()).collect();
    let now = format!(
        "descriptor {}: the voters are {}",
        next.number,
        ids.join(", ")
    );
    let gone = |node: NodeId| {
        format!(
            "; node {node} stops by itself. Delete its folder then, and do not use its id again"
        )
    };
    match change {
        MemberChange::Promote(node) => format!("node {node} votes from now on. {now}"),
        MemberChange::Remove(node) => format!("{now}{}", gone(node)),
        MemberChange::Replace { old, .. } => format!("{now}{}", gone(old)),
    }
}

/// The next descriptor, if the change can be made.
fn next(survey: &Survey, change: MemberChange) -> Result<Next, MemberError> {
    let newest = survey.newest();
    let is_voter = |node| newest.node(node).is_some();
    let was_voter = |node| {
        let mut all = survey.descriptors.all();
        all.any(|descriptor| descriptor.node(node).is_some())
    };
    let (added, removed) = match change {
        MemberChange::Promote(node) if is_voter(node) => return Ok(Next::Done),
        MemberChange::Promote(node) => (Some(node), None),
        MemberChange::Remove(node) if is_voter(node) => (None, Some(node)),
        MemberChange::Remove(node) if was_voter(node) => return Ok(Next::Done),
        MemberChange::Remove(node) => {
            let mut members = survey.members.iter();
            return match members.any(|member| member.id == node) {
                true => Ok(Next::Worker(node)),
                false => Err(MemberError::Unknown(node)),
            };
        }
        MemberChange::Replace { old, new } if is_voter(new) && !is_voter(old) && was_voter(old) => {
            return Ok(Next::Done);
        }
        MemberChange::Replace { new, .. } if is_voter(new) => {
            return Err(MemberError::IsVoter(new));
        }
        MemberChange::Replace { old, .. } if !is_voter(old) => {
            return Err(MemberError::NotVoter(old));
        }
        MemberChange::Replace { old, new } => (Some(new), Some(old)),
    };
    let mut nodes = newest.nodes.clone();
    nodes.retain(|node| Some(node.id) != removed);
    if let Some(added) = added {
        nodes.push(identity(survey, added)?);
    }
    match (nodes.len(), removed) {
        (0, Some(last)) => return Err(MemberError::Last(last)),
        (count, _) if count > MAX_NODES => return Err(MemberError::TooMany(MAX_NODES)),
        _ => {}
    }
    if newest.number.saturating_add(1) >= MAX_DESCRIPTORS {
        return Err(MemberError::NoMoreChanges);
    }
    Ok(Next::Descriptor(newest.successor(nodes)))
}

/// The keys of a worker, signed by the one that the cluster has admitted.
fn identity(survey: &Survey, node: NodeId) -> Result<NodeIdentity, MemberError> {
    let Some(admitted) = survey.admitted.get(&node) else {
        let needed = survey.newest().threshold();
        return Err(MemberError::NotMember(node, needed));
    };
    let answered = survey.answers.get(&node);
    let answered = answered.filter(|answered| answered.identity.key == *admitted);
    let answered = answered.ok_or_else(|| MemberError::NoAnswer {
        node,
        why: survey.why_silent(),
    })?;
    let entries = survey.committed().saturating_sub(answered.status.applied);
    match entries <= MAX_LAG_ENTRIES {
        true => Ok(answered.identity.clone()),
        false => Err(MemberError::Behind { node, entries }),
    }
}

/// Refuses a change that too few of these nodes would sign or vote by. What only some have signed
/// would be in the way of any other change.
fn check_quorum(survey: &Survey, next: &Descriptor) -> Result<(), MemberError> {
    let answers = |node: &&NodeIdentity| survey.answers.contains_key(&node.id);
    let answering = next.nodes.iter().filter(answers).count();
    let needed = next.threshold();
    if answering >= needed {
        return Ok(());
    }
    Err(MemberError::NoQuorum {
        answering,
        of: next.nodes.len(),
        needed,
        silent: survey.why_silent(),
    })
}

async fn order_change(
    client: &OperatorClient,
    newest: &Descriptor,
    next: &Descriptor,
    force: bool,
    tell: Tell<'_>,
) -> Result<(), VerbError> {
    let signed = collect(client, newest, next, request_id()?, force);
    let waits = "waiting until a majority of the voters has signed the change";
    let link = tell.waiting(waits, signed).await?;
    let command = OperatorCommand::ChangeDescriptor { link, force };
    match tell.order(client, &command, request_id()?).await {
        Err(OrderError::Refused(refusal)) if refusal.code == ErrorCode::TooFewHolders => {
            Err(MemberError::TooFewHolders(refusal).into())
        }
        ordered => Ok(ordered?),
    }
}

/// Where the nodes of a descriptor may be. A call goes to the owner of a node's key alone.
fn urls(survey: &Survey, client: &OperatorClient, next: &Descriptor) -> BTreeSet<String> {
    let known = next.nodes.iter().filter_map(|node| survey.url(node.id));
    known.chain(client.urls().iter().cloned()).collect()
}
