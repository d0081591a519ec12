//! Creation of grants: request, manifest, deal and first rights, checked against each other and
//! recorded. An owner, a viewer and an image have at most one live grant.

use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::MAX_GRANTS_PER_USER;
use super::live_grants::claim_live;
use super::principal::Principal;
use super::retirement::check_active;
use super::rows::{
    Counterparty, CurrentRights, DealRow, Grant, GrantCount, GrantOf, GrantUsage, NoticeKind,
    Party, RequestUsed,
};
use super::{cluster, compaction, deals, holders, mailbox, notices, rights, users};

/// Records a grant. The caller is its owner.
pub fn create(
    draft: &mut Draft<'_>,
    owner: &Principal,
    request: &Signed<PhotoRequest>,
    manifest: &Signed<Manifest>,
    deal: &Signed<Deal>,
    first: &Signed<Rights>,
) -> Result<Done, Refusal> {
    let content = draft.verify(manifest)?;
    let id = content.grant_id();
    check_parties(draft, owner, &content)?;
    check_request(draft, request, &content)?;
    let dealt_to = deals::check_first(draft, deal, &content)?;
    let first_rights = rights::check_first(draft, first, &content)?;

    if draft.get::<Grant>(&id).is_some() {
        return Err(Refusal::GrantExists(id));
    }
    let grant = Grant {
        owner: Party {
            name: content.owner_name,
            key: content.owner,
        },
        viewer: Party {
            name: content.viewer_name,
            key: content.viewer,
        },
        image: content.image,
        created: draft.time(),
        request: request.clone(),
        manifest: manifest.clone(),
    };
    claim_live(draft, id, &grant)?;
    consume_request(draft, id, request)?;
    count_grant(draft, &grant.owner.name)?;
    count_grant(draft, &grant.viewer.name)?;
    write_rows(draft, id, &grant, (deal, dealt_to), first);
    holders::add(draft, id, &first_rights, dealt_to);
    Ok(Done::GrantCreated { grant: id })
}

/// Checks that both parties are registered under the manifest's keys, and that the owner calls.
fn check_parties(draft: &Draft<'_>, owner: &Principal, manifest: &Manifest) -> Result<(), Refusal> {
    let own_card = users::card(draft, &owner.name)?;
    if manifest.owner != own_card.key || manifest.owner_name != owner.name {
        return Err(Refusal::Forbidden("owner of the photo".into()));
    }
    let card = users::card(draft, &manifest.viewer_name)?;
    if manifest.viewer_name == manifest.owner_name {
        return Err(mismatch("owner and viewer are one user"));
    }
    check_active(draft, &manifest.viewer_name)?;
    if manifest.viewer != card.key {
        return Err(mismatch("the viewer has another identity key"));
    }
    if manifest.viewer_sealing != card.sealing {
        return Err(mismatch("the viewer's sealing key has changed"));
    }
    if manifest.cluster != cluster::id(draft)? {
        return Err(mismatch("the manifest is for another cluster"));
    }
    Ok(())
}

/// Checks that the viewer has requested exactly this image.
fn check_request(
    draft: &Draft<'_>,
    request: &Signed<PhotoRequest>,
    manifest: &Manifest,
) -> Result<(), Refusal> {
    let asked = draft.verify(request)?;
    compaction::check_request_age(draft, &asked)?;
    if request.hash() != manifest.request {
        return Err(mismatch("the manifest answers another request"));
    }
    if (asked.viewer, asked.owner, asked.image) != (manifest.viewer, manifest.owner, manifest.image)
    {
        return Err(mismatch("the request is for another grant"));
    }
    Ok(())
}

fn mismatch(what: &str) -> Refusal {
    Refusal::Mismatch(what.to_owned())
}

fn write_rows(
    draft: &mut Draft<'_>,
    id: GrantId,
    grant: &Grant,
    (deal, dealt_to): (&Signed<Deal>, u64),
    first: &Signed<Rights>,
) {
    let (owner, viewer) = (&grant.owner.name, &grant.viewer.name);
    draft.put(&id, grant);
    draft.put(&id, &CurrentRights(first.clone()));
    draft.put(&(id, deals::FIRST), &DealRow(deal.clone()));
    let usage = GrantUsage {
        used: 0,
        acknowledged: 0,
        deal: deals::FIRST,
        dealt_to,
    };
    draft.put(&id, &usage);
    compaction::plan(draft, id);
    for (one, other) in [(owner, viewer), (viewer, owner)] {
        draft.put(&(one.clone(), id), &GrantOf);
        draft.put(&(one.clone(), other.clone()), &Counterparty);
    }
    notices::append(draft, viewer, NoticeKind::Granted { grant: id });
    // The carrier contains the first rights too, but may arrive much later.
    mailbox::post(draft, viewer, id, rights::FIRST);
}

/// Allows one grant for each request. Every grant counts against the viewer's limit: an owner who
/// grants and revokes repeatedly must not exhaust it with one request.
fn consume_request(
    draft: &mut Draft<'_>,
    id: GrantId,
    request: &Signed<PhotoRequest>,
) -> Result<(), Refusal> {
    let hash = request.hash();
    if let Some(RequestUsed(other)) = draft.get::<RequestUsed>(&hash) {
        return Err(mismatch(&format!(
            "the request is already used for grant {other}; the viewer has to request again"
        )));
    }
    draft.put(&hash, &RequestUsed(id));
    Ok(())
}

fn count_grant(draft: &mut Draft<'_>, user: &UserName) -> Result<(), Refusal> {
    let GrantCount(before) = draft.get(user).unwrap_or_default();
    if before >= MAX_GRANTS_PER_USER {
        return Err(Refusal::TooManyGrants(user.clone()));
    }
    draft.put(user, &GrantCount(before + 1));
    Ok(())
}
