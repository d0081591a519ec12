//! Deals: one part for each node of the current descriptor, dealt with the grant or again after a
//! change of the nodes. Parts are released of the newest one.

use std::collections::BTreeSet;

use cameo_common::api::Role;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{CurrentRights, DealRow, GrantUsage, NoticeKind, content};
use super::{cluster, holders, live_grants, notices, restore};

/// Number of a grant's first deal.
pub const FIRST: u64 = 1;

/// Checks the deal that comes with a new grant, and returns the number of its descriptor.
pub fn check_first(
    draft: &Draft<'_>,
    deal: &Signed<Deal>,
    manifest: &Manifest,
) -> Result<u64, Refusal> {
    let deal = draft.verify(deal)?;
    check_grant(draft, &deal, manifest)?;
    let descriptor = cluster::current_descriptor(draft).ok_or(Refusal::NotFounded)?;
    let is_first = deal.number == FIRST && deal.first_floor == FirstFloor::NEW;
    if is_first && is_dealt_to(&deal, &descriptor) {
        Ok(descriptor.number)
    } else {
        Err(Refusal::BadDeal)
    }
}

/// Stores the next deal of a live grant, to the current descriptor. The caller is the owner; also a
/// retired one, since it permits nothing that was not permitted before. A grant has one deal a
/// descriptor, so that deals do not accumulate. The newest deal again changes nothing.
pub fn put(
    draft: &mut Draft<'_>,
    principal: &Principal,
    signed: &Signed<Deal>,
) -> Result<Done, Refusal> {
    let deal = draft.verify(signed)?;
    let id = deal.grant;
    let (grant, role) = live_grants::of_party(draft, &id, principal)?;
    if role != Role::Owner {
        return Err(Refusal::Forbidden("owner of the photo".into()));
    }
    check_grant(draft, &deal, &content(&grant.manifest))?;
    restore::check_open(draft, &id)?;
    let rights = draft.require::<CurrentRights>(&id).rights();
    live_grants::check_live(&rights, draft.time())?;
    let usage = draft.require::<GrantUsage>(&id);
    let DealRow(newest) = draft.require(&(id, usage.deal));
    if newest == *signed {
        return Ok(Done::Nothing);
    }
    let descriptor = cluster::current_descriptor(draft).ok_or(Refusal::NotFounded)?;
    if usage.dealt_to == descriptor.number {
        return Err(Refusal::DealtAlready(usage.deal));
    }
    check_next(&deal, &descriptor, &usage, rights.version)?;

    holders::remove(draft, id, &rights, usage.dealt_to);
    holders::add(draft, id, &rights, descriptor.number);
    let number = deal.number;
    draft.put(&(id, number), &DealRow(signed.clone()));
    let usage = GrantUsage {
        deal: number,
        dealt_to: descriptor.number,
        ..usage
    };
    draft.put(&id, &usage);
    let dealt = NoticeKind::Dealt { grant: id, number };
    notices::append(draft, &grant.viewer.name, dealt);
    Ok(Done::Nothing)
}

/// Checks a deal against the descriptor, and against what the ledger has of the grant: a new holder
/// begins where the owner says, so that has to be true at this entry.
pub fn check_next(
    deal: &Deal,
    descriptor: &Descriptor,
    usage: &GrantUsage,
    rights_version: u64,
) -> Result<(), Refusal> {
    if !is_dealt_to(deal, descriptor) {
        return Err(Refusal::BadDeal);
    }
    let used = usage.used;
    let floor = FirstFloor {
        rights_version,
        used,
    };
    if deal.number != usage.deal.saturating_add(1) || deal.first_floor != floor {
        return Err(Refusal::StaleDeal {
            deal: usage.deal,
            rights_version,
            used,
        });
    }
    Ok(())
}

/// Checks that a deal is of a grant, in this cluster: the manifest of one that was taken over names
/// an earlier cluster.
pub fn check_grant(draft: &Draft<'_>, deal: &Deal, manifest: &Manifest) -> Result<(), Refusal> {
    let belongs = (deal.owner, deal.viewer) == (manifest.owner, manifest.viewer)
        && deal.cluster == cluster::id(draft)?
        && deal.grant == manifest.grant_id();
    if belongs {
        Ok(())
    } else {
        Err(Refusal::Mismatch("the deal is for another grant".into()))
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
