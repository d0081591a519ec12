//! Identity and descriptors of the cluster.

use cameo_common::cluster_descriptor::{DESCRIPTOR_VERSION, Descriptor, MAX_NODES};
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::PublicKey;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::rows::{self, DescriptorRow, Founded, Registration};
use super::state_view::StateView;

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
    let cluster = descriptor.founds().ok_or(Refusal::Malformed)?;
    if !is_well_formed(descriptor) {
        return Err(Refusal::Malformed);
    }
    if descriptor.node(node).is_none() {
        return Err(Refusal::Forbidden("nodes of the descriptor".into()));
    }
    draft.put(&descriptor.number, &DescriptorRow(descriptor.clone()));
    let current = descriptor.number;
    draft.put(&(), &Founded { cluster, current });
    draft.put(&(), &Registration(descriptor.registration));
    Ok(Done::Nothing)
}

fn is_well_formed(descriptor: &Descriptor) -> bool {
    let ids: Vec<_> = descriptor.nodes.iter().map(|node| node.id).collect();
    descriptor.version == DESCRIPTOR_VERSION
        && (1..=MAX_NODES).contains(&ids.len())
        && ids.is_sorted_by(|one, next| one < next)
}
