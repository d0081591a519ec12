//! Grants that the ledger no longer keeps: it compacts them long after their end, and a restored
//! one lacks those that were made after the backup.

use std::time::Duration;

use cameo_common::api::{ErrorCode, GRANT_RETENTION};
use cameo_common::ids::Millis;

use crate::clock;
use crate::cluster_api::ClusterError;
use crate::flows::absent_grant::is_absent;
use crate::flows::context::Context;
use crate::vault::records::{EarlierCluster, GrantOwned, Stage, UnconfirmedEnding, change};
use crate::vault::{Vault, VaultError};

/// The ledger looks at a grant each retention, and compacts it at the second look at the earliest.
const LEAST_AGE: Duration = GRANT_RETENTION.saturating_mul(2);

/// Whether a grant of this home is old enough to be compacted, by this machine's clock.
fn may_be_compacted(owned: &GrantOwned, now: Millis) -> bool {
    owned.stage >= Stage::Recorded && now >= owned.created.plus(LEAST_AGE)
}

/// Why the ledger has not a grant that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    Compacted,
    /// It was made after the backup that the cluster was restored from.
    NotRestored,
}

/// Why it may lack this grant of this home; None if it may not.
fn possible(ctx: &Context, owned: &GrantOwned) -> Result<Option<Absence>, VaultError> {
    if may_be_compacted(owned, clock::now()) {
        return Ok(Some(Absence::Compacted));
    }
    // One that is made in the present cluster is younger than the last that was followed.
    let earlier = ctx.vault.list::<EarlierCluster>()?;
    let was_restored = earlier
        .iter()
        .any(|(_, cluster)| cluster.followed > owned.created);
    let is_lost = was_restored && owned.stage >= Stage::Recorded;
    Ok(is_lost.then_some(Absence::NotRestored))
}

/// Why the ledger lacks a grant that it had, if this error of a call about it means that. Nodes
/// that say so of a younger one, or fewer of them than may lie, are not believed.
///
/// # Errors
/// When the home cannot be read.
pub async fn absence(
    ctx: &Context,
    owned: &GrantOwned,
    error: &ClusterError,
) -> Result<Option<Absence>, VaultError> {
    if error.code() != Some(ErrorCode::NotFound) {
        return Ok(None);
    }
    let Some(why) = possible(ctx, owned)? else {
        return Ok(None);
    };
    Ok(is_absent(&ctx.api, &owned.grant).await.then_some(why))
}

/// Closes such a grant in this home, so that another one can be made and nothing is tried for
/// it any more.
pub(super) fn close(vault: &Vault, owned: &GrantOwned) -> Result<(), VaultError> {
    let id = owned.grant.to_string();
    vault.delete::<UnconfirmedEnding>(&id)?;
    change::<GrantOwned>(vault, &id, |owned| {
        owned.revoked = true;
        owned.acknowledged = owned.version;
    })?;
    Ok(())
}
