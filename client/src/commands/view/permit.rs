//! The check of the newest rights before a view is charged.

use cameo_common::api::GrantInfo;
use cameo_common::rights::Denied;

use super::error::Error;
use crate::clock;
use crate::flows::context::Context;
use crate::flows::receive::store_rights_of_ledger;
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, change};

/// Stores the ledger's rights, which are the newest.
pub(super) fn store_rights(ctx: &Context, info: &GrantInfo) -> Result<(), VaultError> {
    store_rights_of_ledger(&ctx.vault, &info.grant, &info.rights)?;
    change::<GrantHeld>(&ctx.vault, &info.grant.to_string(), |held| {
        held.used = held.used.max(info.used);
    })?;
    Ok(())
}

/// Requires that the rights permit a view now. For a pending view the nodes decide.
pub(super) fn check_permitted(
    grant: &GrantHeld,
    info: &GrantInfo,
    is_pending: bool,
    save: bool,
) -> Result<(), Error> {
    let rights = info.rights.verify()?;
    if rights.owner != grant.owner_key || rights.grant != grant.grant {
        return Err(Error::ForeignRights);
    }
    let owner = &grant.owner;
    if save && !rights.may_save {
        return Err(Error::NoSaving(owner.clone()));
    }
    if is_pending {
        return Ok(());
    }
    let more = match info.other_retired {
        Some(_) => format!("the operator has retired {owner}: there will be no more"),
        None => format!(
            "`cameo request {owner} {}` requests more",
            short(&grant.image)
        ),
    };
    match rights.check(info.used.saturating_add(1), clock::now()) {
        Ok(()) => Ok(()),
        Err(Denied::Revoked) => Err(Error::Revoked(owner.clone())),
        Err(Denied::Expired) => Err(Error::Expired { more }),
        Err(Denied::UsedUp) => Err(Error::UsedUp {
            permitted: rights.permitted,
            used: info.used,
            more,
        }),
    }
}
