//! Plan of a change, by what was found of the cluster.

use std::collections::BTreeSet;

use cameo_common::cluster_descriptor::{Descriptor, MAX_NODES, NodeIdentity};
use cameo_common::descriptor_chain::MAX_DESCRIPTORS;
use cameo_common::ids::NodeId;

use super::survey::Survey;
use crate::operator::member_error::MemberError;

/// Entries that a node may lack which becomes a voter.
const MAX_LAG_ENTRIES: u64 = 128;

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

impl MemberChange {
    /// The nodes after this change, if these are the ones before.
    pub(super) fn ids_after(self, before: &Descriptor) -> BTreeSet<NodeId> {
        let mut ids: BTreeSet<_> = before.nodes.iter().map(|node| node.id).collect();
        match self {
            Self::Promote(node) => drop(ids.insert(node)),
            Self::Remove(node) => drop(ids.remove(&node)),
            Self::Replace { old, new } => {
                ids.remove(&old);
                ids.insert(new);
            }
        }
        ids
    }
}

/// What is to be done.
// One at a time, and soon taken apart.
#[allow(clippy::large_enum_variant)]
pub(super) enum Next {
    /// This descriptor is the next one.
    Descriptor(Descriptor),
    /// The newest one has it already.
    Done,
    /// A worker leaves.
    Worker(NodeId),
}

/// The next descriptor, if the change can be made.
pub(super) fn next(survey: &Survey, change: MemberChange) -> Result<Next, MemberError> {
    let newest = survey.newest();
    let is_voter = |node| newest.node(node).is_some();
    let was_voter = |node| {
        let mut all = survey.descriptors.all();
        all.any(|descriptor| descriptor.node(node).is_some())
    };
    let (added, removed) = match change {
        MemberChange::Promote(node) if is_voter(node) => return Ok(Next::Done),
        MemberChange::Promote(node) if was_voter(node) => return Err(MemberError::IdUsed(node)),
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
        MemberChange::Replace { new, .. } if was_voter(new) => {
            return Err(MemberError::IdUsed(new));
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
pub(super) fn check_quorum(survey: &Survey, next: &Descriptor) -> Result<(), MemberError> {
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
