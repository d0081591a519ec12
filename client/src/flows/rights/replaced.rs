//! Endings in whose place another device of the owner has recorded rights that permit more.

use cameo_common::api::GrantInfo;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;

use super::confirm::is_ending;
use super::{RightsError, keep_newer};
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::{GrantOwned, UnconfirmedEnding};

/// Takes later rights that permit more into this home, if a majority of the nodes shows them, each
/// as its own state: nothing of the ending is left to confirm then. False if there are none.
///
/// # Errors
/// When the home cannot be read or written.
pub(super) async fn take_later(ctx: &Context, owned: &GrantOwned) -> Result<bool, RightsError> {
    let ending = owned.rights.verify()?;
    let shown = ctx.api.grant_by_each(&owned.grant).await;
    let Some((signed, later)) = replacing(&shown, &ending, ctx.api.voters()) else {
        return Ok(false);
    };
    keep_newer(ctx, owned, &later, signed)?;
    ctx.vault
        .update::<UnconfirmedEnding, VaultError>(&owned.grant.to_string(), |kept| {
            Ok(kept.filter(|kept| kept.version >= later.version))
        })?;
    Ok(true)
}

/// The newest rights of the owner after the ending that a majority shows and that permit more.
fn replacing(
    shown: &[GrantInfo],
    ending: &Rights,
    voters: usize,
) -> Option<(Signed<Rights>, Rights)> {
    let is_later = |rights: &Rights| {
        let is_theirs = rights.owner == ending.owner && rights.grant == ending.grant;
        is_theirs && rights.version > ending.version && is_ending(rights, ending)
    };
    let showing = |signed: &Signed<Rights>| {
        let hash = signed.hash();
        let same = shown.iter().filter(|info| info.rights.hash() == hash);
        same.count()
    };
    shown
        .iter()
        .filter(|info| showing(&info.rights) > voters / 2)
        .filter_map(|info| Some((info.rights.clone(), info.rights.verify().ok()?)))
        .filter(|(_, rights)| is_later(rights))
        .max_by_key(|(_, rights)| rights.version)
}
