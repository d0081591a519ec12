//! The nodes that hold the parts of a deal, by the cluster's chain of descriptors.

use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::statements::{Deal, DealtPart};

use crate::cluster_api::ClusterApi;

/// One part of a deal, and the node that has it.
#[derive(Debug, Clone)]
pub struct Holder<'a> {
    pub part: &'a DealtPart,
    pub node: NodeIdentity,
    /// Whether the node is one of the present ones, under the same id and keys. One that has left
    /// may still answer.
    pub is_present: bool,
}

/// The holders of a deal that are known, those first that are present. The node of a part is the
/// one to whose key the part was sealed. Empty when no node tells of the deal's descriptor.
pub async fn holders<'a>(api: &ClusterApi, deal: &'a Deal) -> Vec<Holder<'a>> {
    let since = api.descriptors_since(&deal.descriptor).await;
    let (Some(dealt_to), Some(newest)) = (since.first(), since.last()) else {
        return Vec::new();
    };
    let holders = deal.parts.iter().filter_map(|part| {
        let node = dealt_to.node(part.node)?;
        (node.sealing == part.key).then(|| Holder {
            part,
            node: node.clone(),
            is_present: newest.nodes.contains(node),
        })
    });
    let mut holders: Vec<_> = holders.collect();
    holders.sort_by_key(|holder| !holder.is_present);
    holders
}

/// How many of these are present.
#[must_use]
pub fn present(holders: &[Holder<'_>]) -> usize {
    holders.iter().filter(|holder| holder.is_present).count()
}
