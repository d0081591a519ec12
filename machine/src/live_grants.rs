//! Liveness of grants, and access to them by their parties.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, Millis};
use cameo_common::rights::{Denied, Rights};

use super::command::Refusal;
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{CurrentRights, Grant, LiveGrant};

/// Makes a grant the live one of its owner, viewer and image. Refused when another one is live.
pub fn claim_live(draft: &mut Draft<'_>, id: GrantId, grant: &Grant) -> Result<(), Refusal> {
    let key = (
        grant.owner.name.clone(),
        grant.viewer.name.clone(),
        grant.image,
    );
    if let Some(LiveGrant(other)) = draft.get::<LiveGrant>(&key) {
        let now = draft.time();
        if other != id && is_live(&draft.require::<CurrentRights>(&other).rights(), now) {
            return Err(Refusal::GrantExists(other));
        }
    }
    draft.put(&key, &LiveGrant(id));
    Ok(())
}

/// Whether a grant with these rights is neither revoked nor expired. A grant whose views are used
/// up is live: the owner raises its rights instead of making another.
pub fn is_live(rights: &Rights, now: Millis) -> bool {
    check_live(rights, now).is_ok()
}

/// Refuses a grant with these rights unless it is live.
pub fn check_live(rights: &Rights, now: Millis) -> Result<(), Refusal> {
    match rights.check(1, now) {
        Err(why @ (Denied::Revoked | Denied::Expired)) => Err(why.into()),
        Err(Denied::UsedUp) | Ok(()) => Ok(()),
    }
}

/// A grant and the principal's role in it. For all but its two parties it does not exist.
pub fn of_party(
    draft: &Draft<'_>,
    id: &GrantId,
    principal: &Principal,
) -> Result<(Grant, Role), Refusal> {
    let grant = draft.get::<Grant>(id).ok_or(Refusal::NoSuchGrant)?;
    let role = grant.role_of(&principal.name).ok_or(Refusal::NoSuchGrant)?;
    Ok((grant, role))
}
