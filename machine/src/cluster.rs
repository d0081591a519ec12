//! Identity and descriptors of the cluster.

use std::collections::BTreeMap;

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::DescriptorLink;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::PublicKey;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::entry_version::{self, WITH_RESTORE};
use super::rows::{self, AdmittedWorker, DescriptorRow, Founded, Registration, SuccessionRow};
use super::state_view::StateView;
use super::{holders, restore};

/// The row of a founded cluster; `None` before the first entry.
pub fn founded(view: &dyn StateView) -> Option<Founded> {
    rows::get(view, &())
}

/// The cluster's id, or [`Refusal::NotFounded`].
pub fn id(view: &dyn StateView) -> Result<ClusterId, Refusal> {
    founded(view)
        .map(|founded| founded.cluster)
        .ok_or(Refusal::NotFounded)
}

/// The newest descriptor: a new deal has a part for each of its nodes.
pub fn current_descriptor(view: &dyn StateView) -> Option<Descriptor> {
    let founded = founded(view)?;
    rows::get::<DescriptorRow>(view, &founded.current).map(|row| row.0)
}

/// The key whose orders every replica carries out, or [`Refusal::NotFounded`].
pub fn operator(view: &dyn StateView) -> Result<PublicKey, Refusal> {
    let descriptor = current_descriptor(view).ok_or(Refusal::NotFounded)?;
    Ok(descriptor.operator)
}

/// Founds the cluster: the first entry of a log. The node must be one of the descriptor.
pub fn found(
    draft: &mut Draft<'_>,
    node: NodeId,
    descriptor: &Descriptor,
) -> Result<Done, Refusal> {
    if founded(draft).is_some() {
        return Err(Refusal::AlreadyFounded);
    }
    let has_predecessor = descriptor.predecessor.is_some();
    if has_predecessor && entry_version::of(draft) < WITH_RESTORE {
        return Err(Refusal::UnknownEntry);
    }
    let cluster = descriptor.founds().ok_or(Refusal::Malformed)?;
    if !descriptor.is_well_formed() {
        return Err(Refusal::Malformed);
    }
    if descriptor.node(node).is_none() {
        return Err(Refusal::Forbidden("nodes of the descriptor".into()));
    }
    draft.put(&descriptor.number, &DescriptorRow(descriptor.clone()));
    let current = descriptor.number;
    draft.put(&(), &Founded { cluster, current });
    draft.put(&(), &Registration(descriptor.registration));
    if let Some(predecessor) = descriptor.predecessor {
        restore::begin(draft, predecessor);
    }
    Ok(Done::Nothing)
}

/// Replaces the current descriptor by the one that follows it. `force` gives up the live grants
/// that lose too many holders.
pub fn change(draft: &mut Draft<'_>, link: &DescriptorLink, force: bool) -> Result<Done, Refusal> {
    let cluster = id(draft)?;
    let current = current_descriptor(draft).ok_or(Refusal::NotFounded)?;
    let followed = link.follows(draft.verifier(), cluster, &current);
    followed.map_err(|why| Refusal::NotSuccessor(why.to_string()))?;
    check_nodes(draft, &current, &link.descriptor, force)?;
    let DescriptorLink {
        descriptor,
        operator,
        voters,
    } = link.clone();
    withdraw(draft, &current, &descriptor);
    let current = descriptor.number;
    draft.put(&current, &DescriptorRow(descriptor));
    draft.put(&current, &SuccessionRow { operator, voters });
    draft.put(&(), &Founded { cluster, current });
    Ok(Done::Nothing)
}

/// Withdraws the admission as workers of the nodes that leave: they would come back by their old
/// tokens.
fn withdraw(draft: &mut Draft<'_>, current: &Descriptor, next: &Descriptor) {
    let leaves = |node: &&NodeIdentity| next.node(node.id).is_none();
    for node in current.nodes.iter().filter(leaves) {
        if let Some(worker) = draft.get::<AdmittedWorker>(&node.id) {
            let removed = true;
            draft.put(&node.id, &AdmittedWorker { removed, ..worker });
        }
    }
}

/// Checks what the state has against the nodes of a next descriptor, apart from its signatures.
pub fn check_nodes(
    draft: &Draft<'_>,
    current: &Descriptor,
    next: &Descriptor,
    force: bool,
) -> Result<(), Refusal> {
    check_ids(draft, next, force)?;
    match force {
        true => Ok(()),
        false => holders::check_change(draft, current, next),
    }
}

/// Refuses nodes under the id of another node or worker, or of one that was removed; by force the
/// same node comes back. The votes of an id are those of one disk.
fn check_ids(draft: &Draft<'_>, descriptor: &Descriptor, force: bool) -> Result<(), Refusal> {
    let known = all_nodes(draft);
    for node in &descriptor.nodes {
        let worker = draft.get::<AdmittedWorker>(&node.id);
        if worker.as_ref().is_some_and(|worker| worker.removed) && !force {
            return Err(Refusal::NodeRemoved(node.id));
        }
        let is_other_worker = worker.is_some_and(|worker| worker.key != node.key);
        let is_other_node = known.get(&node.id).is_some_and(|known| known != node);
        if is_other_worker || is_other_node {
            let text = format!("the id {} belongs to another node", node.id);
            return Err(Refusal::Mismatch(text));
        }
    }
    Ok(())
}

/// The nodes of all descriptors, by id.
pub fn all_nodes(view: &dyn StateView) -> BTreeMap<NodeId, NodeIdentity> {
    let descriptors = rows::scan::<DescriptorRow>(view, &(), None, usize::MAX);
    let nodes = descriptors.into_iter().flat_map(|(_, row)| row.0.nodes);
    nodes.map(|node| (node.id, node)).collect()
}
