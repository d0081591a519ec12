//! Making a grant: four statements that must belong together, and one live grant for each owner,
//! viewer and image.

use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::MAX_GRANTS_PER_USER;
use super::live_grants::claim_live;
use super::rows::{
    Acquainted, CurrentRights, DealRow, Grant, GrantCount, GrantOf, GrantUsage, News, Party,
    RequestUsed,
};
use super::speaker::Speaker;
use super::{cluster, deals, mailbox, notices, rights, users};

/// Records a grant. The caller is its owner.
pub fn create(
    draft: &mut Draft<'_>,
    owner: &Speaker,
    request: &Signed<PhotoRequest>,
    manifest: &Signed<Manifest>,
    deal: &Signed<Deal>,
    first: &Signed<Rights>,
) -> Result<Done, Refusal> {
    let content = manifest.peek().map_err(|_| Refusal::Malformed)?;
    let id = content.grant_id();
    check_parties(draft, owner, &content)?;
    check_request(request, &content)?;
    deals::check_first(draft, deal, &content)?;
    rights::check_first(draft, first, &content)?;

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
    use_request(draft, id, request)?;
    count_for(draft, &grant.owner.name)?;
    count_for(draft, &grant.viewer.name)?;
    put_all(draft, id, &grant, deal, first);
    Ok(Done::GrantCreated { grant: id })
}

/// Both are registered, under the keys that the manifest names, and the owner is who speaks.
fn check_parties(draft: &Draft<'_>, owner: &Speaker, content: &Manifest) -> Result<(), Refusal> {
    let own_card = users::card(draft, &owner.name)?;
    if content.owner != own_card.key || content.owner_name != owner.name {
        return Err(Refusal::Forbidden("owner of the photo".into()));
    }
    let card = users::card(draft, &content.viewer_name)?;
    if content.viewer_name == content.owner_name {
        return Err(mismatch("owner and viewer are one user"));
    }
    if content.viewer != card.key {
        return Err(mismatch("the viewer has another identity key"));
    }
    if content.viewer_sealing != card.sealing {
        return Err(mismatch("the viewer has another sealing key by now"));
    }
    if content.cluster != cluster::id(draft)? {
        return Err(mismatch("the manifest is for another cluster"));
    }
    Ok(())
}

/// No grant without its viewer's request for exactly this image.
fn check_request(request: &Signed<PhotoRequest>, content: &Manifest) -> Result<(), Refusal> {
    let asked = request.peek().map_err(|_| Refusal::Malformed)?;
    if request.hash() != content.request {
        return Err(mismatch("the manifest answers another request"));
    }
    if (asked.viewer, asked.owner, asked.image) != (content.viewer, content.owner, content.image) {
        return Err(mismatch("the viewer has asked for something else"));
    }
    Ok(())
}

fn mismatch(what: &str) -> Refusal {
    Refusal::Mismatch(what.to_owned())
}

fn put_all(
    draft: &mut Draft<'_>,
    id: GrantId,
    grant: &Grant,
    deal: &Signed<Deal>,
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
    };
    draft.put(&id, &usage);
    for (one, other) in [(owner, viewer), (viewer, owner)] {
        draft.put(&(one.clone(), id), &GrantOf);
        draft.put(&(one.clone(), other.clone()), &Acquainted);
    }
    notices::tell(draft, viewer, News::Granted { grant: id });
    // The carrier brings the first rights along, but it may be long in coming.
    mailbox::post(draft, viewer, id, rights::FIRST);
}

/// A request is good for one grant. Its viewer pays for each with a place among his grants: one who
/// asked once must not be filled up by an owner who grants and revokes.
fn use_request(
    draft: &mut Draft<'_>,
    id: GrantId,
    request: &Signed<PhotoRequest>,
) -> Result<(), Refusal> {
    let hash = request.hash();
    if let Some(RequestUsed(other)) = draft.get::<RequestUsed>(&hash) {
        return Err(mismatch(&format!(
            "the request is already used for grant {other}; its viewer has to ask again"
        )));
    }
    draft.put(&hash, &RequestUsed(id));
    Ok(())
}

fn count_for(draft: &mut Draft<'_>, user: &UserName) -> Result<(), Refusal> {
    let GrantCount(before) = draft.get(user).unwrap_or_default();
    if before >= MAX_GRANTS_PER_USER {
        return Err(Refusal::Limit(format!(
            "{MAX_GRANTS_PER_USER} grants a user ({user})"
        )));
    }
    draft.put(user, &GrantCount(before + 1));
    Ok(())
}
