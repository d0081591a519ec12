//! The check of the newest rights before a view is charged.

use std::time::Duration;

use cameo_common::api::{ErrorCode, GrantInfo};
use cameo_common::ids::Millis;
use cameo_common::rights::{Denied, Rights};
use tokio::time::{Instant, sleep};

use super::error::Error;
use crate::flows::context::Context;
use crate::flows::open::OpenError;
use crate::flows::receive::store_rights_of_ledger;
use crate::flows::used_views::store_used_of_ledger;
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::GrantHeld;

/// Pause before the nodes are asked again, when too few have answered.
const PAUSE: Duration = Duration::from_millis(300);

/// What is to be permitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whether the view was begun before: then the nodes decide.
    pub is_pending: bool,
    pub save: bool,
}

/// A node's answer that permits the view, and is stored. One that permits is enough, because the
/// ledger decides when it charges. To deny takes the answers of a majority: one node may show old
/// rights, or more views than were used.
///
/// # Errors
/// The denial by the newest rights that were shown.
pub(super) async fn permitted(
    ctx: &Context,
    grant: &GrantHeld,
    wanted: Wanted,
) -> Result<GrantInfo, Error> {
    let first = ctx.api.grant(&grant.grant).await?;
    check_saving(ctx, grant, wanted, std::slice::from_ref(&first))?;
    let now = ctx.api.cluster_now();
    let mut denied = check(grant, &first, wanted, now);
    if matches!(denied, Err(Error::Expired { .. })) {
        // By the clock of this machine, maybe.
        let now = ctx.api.ask_now().await;
        denied = check(grant, &first, wanted, now);
    }
    let denied = match denied {
        Ok(()) => {
            store(ctx, &first)?;
            return Ok(first);
        }
        Err(denied) => denied,
    };
    let end = Instant::now() + ctx.api.deadline();
    let mut newest = (version(grant, &first), first, denied);
    loop {
        let mut denials = 0;
        let all = ctx.api.grant_by_each(&grant.grant).await;
        check_saving(ctx, grant, wanted, &all)?;
        for info in all {
            let now = ctx.api.cluster_now();
            let Err(denied) = check(grant, &info, wanted, now) else {
                store(ctx, &info)?;
                return Ok(info);
            };
            denials += 1;
            if version(grant, &info) > newest.0 {
                newest = (version(grant, &info), info, denied);
            }
        }
        if denials > ctx.api.voters() / 2 {
            store(ctx, &newest.1)?;
            return Err(newest.2);
        }
        if Instant::now() + PAUSE >= end {
            return Err(Error::Unconfirmed(Box::new(newest.2)));
        }
        sleep(PAUSE).await;
    }
}

/// Stores what the ledger shows.
fn store(ctx: &Context, info: &GrantInfo) -> Result<(), VaultError> {
    store_rights_of_ledger(&ctx.vault, &info.grant, &info.rights)?;
    store_used_of_ledger(&ctx.vault, &info.grant, info.used)
}

/// The rights that a node shows, if the owner has signed them for this grant.
fn shown(grant: &GrantHeld, info: &GrantInfo) -> Result<Rights, Error> {
    let rights = info.rights.verify()?;
    if rights.owner != grant.owner_key || rights.grant != grant.grant {
        return Err(Error::ForeignRights);
    }
    Ok(rights)
}

/// Of the shown rights; 0 of those that the owner has not signed.
fn version(grant: &GrantHeld, info: &GrantInfo) -> u64 {
    shown(grant, info).map_or(0, |rights| rights.version)
}

/// Requires that the newest rights of all that are known permit saving, where it is wanted: the
/// owner's signature proves them, and the ledger decides about views only. Where they do not, they
/// are stored.
fn check_saving(
    ctx: &Context,
    grant: &GrantHeld,
    wanted: Wanted,
    infos: &[GrantInfo],
) -> Result<(), Error> {
    if !wanted.save {
        return Ok(());
    }
    let mut newest = grant.rights.verify()?;
    for info in infos {
        if let Ok(rights) = shown(grant, info)
            && rights.version > newest.version
        {
            newest = rights;
            if !newest.may_save {
                store_rights_of_ledger(&ctx.vault, &grant.grant, &info.rights)?;
            }
        }
    }
    match newest.may_save {
        true => Ok(()),
        false => Err(Error::NoSaving(grant.owner.clone())),
    }
}

/// Requires that the shown rights permit a view now.
fn check(grant: &GrantHeld, info: &GrantInfo, wanted: Wanted, now: Millis) -> Result<(), Error> {
    let rights = shown(grant, info)?;
    let owner = &grant.owner;
    if wanted.save && !rights.may_save {
        return Err(Error::NoSaving(owner.clone()));
    }
    if wanted.is_pending {
        return Ok(());
    }
    if info.closed {
        return Err(Error::Closed(owner.clone()));
    }
    match rights.check(info.used.saturating_add(1), now) {
        Ok(()) => Ok(()),
        Err(Denied::Revoked) => Err(Error::Revoked(owner.clone())),
        Err(Denied::Expired) => Err(Error::Expired {
            more: more(grant, info),
        }),
        Err(Denied::UsedUp) => Err(Error::UsedUp {
            permitted: rights.permitted,
            used: info.used.min(rights.permitted),
            more: more(grant, info),
        }),
    }
}

/// What gives the viewer more views, if anything does.
fn more(grant: &GrantHeld, info: &GrantInfo) -> String {
    let owner = &grant.owner;
    match info.other_retired {
        Some(_) => format!("the operator has retired {owner}: there will be no more"),
        None => format!(
            "`cameo request {owner} {}` requests more",
            short(&grant.image)
        ),
    }
}

/// The reason why the ledger charged no view, in the words of [`permitted`] if one node shows the
/// same. The rights that permitted it have changed since, or another device has used the last view.
pub(super) async fn refused(ctx: &Context, grant: &GrantHeld, error: OpenError) -> Error {
    let code = match &error {
        OpenError::Cluster(refusal) => refusal.code(),
        _ => None,
    };
    let shown = match code {
        Some(code) => denial(ctx, grant, code).await,
        None => None,
    };
    shown.unwrap_or_else(|| error.into())
}

/// The denial of this code by what one node shows, which is stored then: the refusal is confirmed
/// already.
async fn denial(ctx: &Context, grant: &GrantHeld, code: ErrorCode) -> Option<Error> {
    let wanted = Wanted {
        is_pending: false,
        save: false,
    };
    let info = ctx.api.grant(&grant.grant).await.ok()?;
    let denied = check(grant, &info, wanted, ctx.api.ask_now().await).err()?;
    if code_of(&denied) != Some(code) {
        return None;
    }
    store(ctx, &info).ok()?;
    Some(denied)
}

/// The code by which the ledger refuses what is denied here for the same reason.
fn code_of(denied: &Error) -> Option<ErrorCode> {
    match denied {
        Error::Revoked(_) => Some(ErrorCode::Revoked),
        Error::Expired { .. } => Some(ErrorCode::Expired),
        Error::UsedUp { .. } => Some(ErrorCode::UsedUp),
        Error::Closed(_) => Some(ErrorCode::ClosedByRestore),
        _ => None,
    }
}
