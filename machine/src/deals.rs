//! Validity of a deal: one part for each node of the current descriptor.

use std::collections::BTreeSet;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest};

use super::cluster;
use super::command::Refusal;
use super::draft::Draft;

/// Number of a grant's first deal.
pub const FIRST: u64 = 1;

/// Checks the deal that comes with a new grant.
pub fn check_first(
    draft: &Draft<'_>,
    deal: &Signed<Deal>,
    manifest: &Manifest,
) -> Result<(), Refusal> {
    let deal = draft.verify(deal)?;
    let belongs = (deal.owner, deal.viewer) == (manifest.owner, manifest.viewer)
        && deal.cluster == manifest.cluster
        && deal.grant == manifest.grant_id();
    if !belongs {
        return Err(Refusal::Mismatch("the deal is for another grant".into()));
    }
    let descriptor = cluster::current_descriptor(draft).ok_or(Refusal::NotFounded)?;
    let is_first = deal.number == FIRST && deal.first_floor == FirstFloor::NEW;
    if is_first && is_dealt_to(&deal, &descriptor) {
        Ok(())
    } else {
        Err(Refusal::BadDeal)
    }
}

/// Whether each node of the descriptor has one part, under its own key and at its own x.
fn is_dealt_to(deal: &Deal, descriptor: &Descriptor) -> bool {
    let dealt = deal.parts.iter().map(|part| (part.node, part.key));
    let nodes = descriptor.nodes.iter().map(|node| (node.id, node.sealing));
    let points: BTreeSet<u8> = deal.parts.iter().map(|part| part.x).collect();
    deal.descriptor == descriptor.hash()
        && usize::from(deal.threshold) == descriptor.threshold()
        && dealt.eq(nodes)
        // At 0 the polynomial is the share itself; two parts at one x count as one part.
        && points.len() == deal.parts.len()
        && !points.contains(&0)
}
