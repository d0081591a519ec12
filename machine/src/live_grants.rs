//! Live grants, and who is party to a grant.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, Millis};
use cameo_common::rights::{Denied, Rights};

use super::command::Refusal;
use super::draft::Draft;
use super::rows::{CurrentRights, Grant, LiveGrant};
use super::speaker::Speaker;

/// Makes a grant the live one of its owner, viewer and image, unless another is live.
pub fn claim_live(draft: &mut Draft<'_>, id: GrantId, grant: &Grant) -> Result<(), Refusal> {
    let place = (
        grant.owner.name.clone(),
        grant.viewer.name.clone(),
        grant.image,
    );
    if let Some(LiveGrant(other)) = draft.get::<LiveGrant>(&place) {
        let now = draft.time();
        if other != id && is_live(&draft.require::<CurrentRights>(&other).rights(), now) {
            return Err(Refusal::GrantExists(other));
        }
    }
    draft.put(&place, &LiveGrant(id));
    Ok(())
}

/// A grant lives until it is revoked or expires. One whose views are used up is live: the owner
/// raises its rights instead of making another.
pub fn is_live(rights: &Rights, now: Millis) -> bool {
    !matches!(rights.check(1, now), Err(Denied::Revoked | Denied::Expired))
}

/// A grant, for those who are party to it; to all others there is none.
pub fn of_party(
    draft: &Draft<'_>,
    id: &GrantId,
    speaker: &Speaker,
) -> Result<(Grant, Role), Refusal> {
    let grant = draft.get::<Grant>(id).ok_or(Refusal::NoSuchGrant)?;
    let role = grant.role_of(&speaker.name).ok_or(Refusal::NoSuchGrant)?;
    Ok((grant, role))
}
