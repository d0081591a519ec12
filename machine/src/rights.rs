//! Rights in the ledger: a higher version replaces a lower one, never the reverse.
//!
//! One entry writes rights and mailbox together. Owner and viewer may both submit a statement of
//! rights; it counts by the owner's signature.

use cameo_common::ids::GrantId;
use cameo_common::rights::{MAX_PERMITTED, MAX_VERSION_STEP, Rights};
use cameo_common::signed::Signed;
use cameo_common::statements::{Manifest, RightsAck};
use cameo_mutant::{Mutant, is_planted};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{self, CurrentRights, Grant, GrantUsage, NoticeKind};
use super::{holders, live_grants, mailbox, notices, retirement};

/// Version of the first rights of a grant.
pub const FIRST: u64 = 1;

/// Checks the rights that come with a new grant: version 1, live, and within limits. Returns their
/// content.
pub fn check_first(
    draft: &Draft<'_>,
    rights: &Signed<Rights>,
    manifest: &Manifest,
) -> Result<Rights, Refusal> {
    let content = draft.verify(rights)?;
    if content.owner != manifest.owner || content.grant != manifest.grant_id() {
        return Err(Refusal::Mismatch("the rights are for another grant".into()));
    }
    if content.version != FIRST {
        return Err(Refusal::Mismatch(format!(
            "the first rights of a grant have version {FIRST}"
        )));
    }
    check_limit(&content)?;
    live_grants::check_live(&content, draft.time())?;
    Ok(content)
}

/// Stores a newer statement of the owner and puts it into the viewer's mailbox. The current
/// statement again changes nothing.
pub fn put(
    draft: &mut Draft<'_>,
    principal: &Principal,
    rights: &Signed<Rights>,
) -> Result<Done, Refusal> {
    let content = draft.verify(rights)?;
    let id = content.grant;
    let (grant, _) = live_grants::of_party(draft, &id, principal)?;
    if content.owner != grant.owner.key {
        return Err(Refusal::Forbidden("owner of the photo".into()));
    }
    let CurrentRights(current) = draft.require(&id);
    if current != *rights {
        let version = rows::content(&current).version;
        if content.version <= version && !is_planted(Mutant::LowerVersionOverwrites) {
            return Err(Refusal::StaleVersion(version));
        }
        if content.version > version.saturating_add(MAX_VERSION_STEP) {
            let limit = format!("versions go up by at most {MAX_VERSION_STEP} at once");
            return Err(Refusal::Limit(limit));
        }
        check_limit(&content)?;
        let before = rows::content(&current);
        if widens(&before, &content) {
            retirement::check_active(draft, &grant.owner.name)?;
        }
        if live_grants::is_live(&content, draft.time()) {
            live_grants::claim_live(draft, id, &grant)?;
        }
        let dealt_to = draft.require::<GrantUsage>(&id).dealt_to;
        holders::remove(draft, id, &before, dealt_to);
        holders::add(draft, id, &content, dealt_to);
        draft.put(&id, &CurrentRights(rights.clone()));
        mailbox::post(draft, &grant.viewer.name, id, content.version);
    }
    Ok(Done::Rights {
        version: content.version,
        in_mailbox: mailbox::is_pending(draft, &grant.viewer.name, id),
    })
}

/// Whether new rights permit anything that those before did not.
fn widens(before: &Rights, after: &Rights) -> bool {
    let ends_later = match (before.expires, after.expires) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after > before,
    };
    after.permitted > before.permitted
        || after.offline > before.offline
        || after.may_save && !before.may_save
        || before.revoked && !after.revoked
        || ends_later
}

/// Records the viewer's acknowledgement of a version.
pub fn acknowledge(
    draft: &mut Draft<'_>,
    principal: &Principal,
    ack: &Signed<RightsAck>,
) -> Result<Done, Refusal> {
    let content = draft.verify(ack)?;
    let id = content.grant;
    let (grant, _) = live_grants::of_party(draft, &id, principal)?;
    if content.viewer != grant.viewer.key {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    let current = draft.require::<CurrentRights>(&id);
    let version = current.rights().version;
    if content.version > version {
        return Err(Refusal::Mismatch(format!(
            "the ledger has rights up to version {version}: put the newer ones first"
        )));
    }
    if confirm(draft, &grant, id, content.version) {
        let kind = NoticeKind::Acknowledged { ack: ack.clone() };
        notices::append(draft, &grant.owner.name, kind);
    }
    Ok(Done::Rights {
        version,
        in_mailbox: mailbox::is_pending(draft, &grant.viewer.name, id),
    })
}

/// Records that a version arrived, and returns whether it is higher than the one acknowledged
/// before. The acknowledged version never goes down (law B3).
pub fn confirm(draft: &mut Draft<'_>, grant: &Grant, id: GrantId, version: u64) -> bool {
    let usage = draft.require::<GrantUsage>(&id);
    if version <= usage.acknowledged {
        return false;
    }
    let acknowledged = version;
    draft.put(
        &id,
        &GrantUsage {
            acknowledged,
            ..usage
        },
    );
    mailbox::acknowledge(draft, &grant.viewer.name, id, version);
    true
}

fn check_limit(rights: &Rights) -> Result<(), Refusal> {
    if rights.permitted <= MAX_PERMITTED {
        Ok(())
    } else {
        Err(Refusal::Limit(format!("{MAX_PERMITTED} views a grant")))
    }
}
