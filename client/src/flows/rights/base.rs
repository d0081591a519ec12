//! The rights that a change begins from: the owner's newest, of those in this home and those that
//! nodes show.

use cameo_common::api::{GrantInfo, Role};
use cameo_common::rights::{MAX_VERSION_STEP, Rights};

use super::confirm::is_ending;
use super::{Absence, RightsError, absence, compacted};
use crate::cluster_api::ClusterError;
use crate::flows::context::Context;
use crate::vault::records::GrantOwned;

/// The rights before a change.
#[derive(Debug)]
pub(super) struct Base {
    pub rights: Rights,
    /// The views used by then, as a node says; `None` when none was believed.
    pub used: Option<u32>,
}

/// Finds the base of a change. If the first node's answer does not fit, or its rights were stale,
/// all are asked, and the newest rights that fit are taken. An ending needs no node's answer: this
/// home's own rights are enough, and the ledger refuses a version that it has.
///
/// # Errors
/// When no node shows rights that fit, and the change is no ending.
pub(super) async fn find(
    ctx: &Context,
    owned: &GrantOwned,
    is_stale: bool,
    edit: &impl Fn(&mut Rights),
) -> Result<Base, RightsError> {
    let first = ctx.api.grant(&owned.grant).await;
    if let Err(error) = &first
        && let Some(why) = absence(ctx, owned, error).await?
    {
        compacted::close(&ctx.vault, owned)?;
        return Err(match why {
            Absence::Compacted => RightsError::NotKept,
            Absence::NotRestored => RightsError::NotRestored,
        });
    }
    let first = match first {
        // Then nothing can be recorded either.
        Err(error @ (ClusterError::Unreachable { .. } | ClusterError::NoQuorum)) => {
            return Err(error.into());
        }
        Err(error) => Err(error.into()),
        Ok(info) => fitting(owned, &info),
    };
    let (first, why) = match first {
        Ok(base) if !is_stale => return Ok(base),
        Ok(base) => (Some(base), None),
        Err(why) => (None, Some(why)),
    };
    let all = ctx.api.grant_by_each(&owned.grant).await;
    let others = all.iter().filter_map(|info| fitting(owned, info).ok());
    let newest = first.into_iter().chain(others);
    match newest.max_by_key(|base| base.rights.version) {
        Some(newest) => Ok(newest),
        None => own_ending(owned, edit)?.ok_or(why.unwrap_or(RightsError::OtherDevice)),
    }
}

/// The rights of this home, if the change ends them.
fn own_ending(
    owned: &GrantOwned,
    edit: &impl Fn(&mut Rights),
) -> Result<Option<Base>, RightsError> {
    let mut rights = owned.rights.verify()?;
    rights.version = rights.version.max(owned.recorded_version);
    let mut after = rights.clone();
    edit(&mut after);
    Ok(is_ending(&rights, &after).then_some(Base { rights, used: None }))
}

/// The rights that a node's answer leads to.
fn fitting(owned: &GrantOwned, info: &GrantInfo) -> Result<Base, RightsError> {
    if info.role != Role::Owner {
        return Err(RightsError::NotYours);
    }
    let shown = info.rights.verify()?;
    if shown.version != info.version {
        return Err(RightsError::ForeignRights);
    }
    let rights = newest(owned.rights.verify()?, owned.recorded_version, shown)?;
    Ok(Base {
        rights,
        used: Some(info.used),
    })
}

/// The owner's newest rights, of those in this home and those that a node shows. What a node says
/// is compared with what is known: an old statement signed again would undo a lowering, and a
/// version near the highest would be the last one.
pub(super) fn newest(own: Rights, recorded: u64, shown: Rights) -> Result<Rights, RightsError> {
    if shown.owner != own.owner || shown.grant != own.grant {
        return Err(RightsError::ForeignRights);
    }
    if shown.version < recorded {
        return Err(RightsError::Behind {
            shown: shown.version,
            known: recorded,
        });
    }
    let known = own.version.max(recorded);
    if shown.version > known.saturating_add(MAX_VERSION_STEP) {
        return Err(RightsError::TooFarAhead {
            claimed: shown.version,
            known,
        });
    }
    Ok(if own.version > shown.version {
        own
    } else {
        shown
    })
}
