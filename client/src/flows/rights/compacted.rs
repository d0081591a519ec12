//! Grants that the ledger no longer keeps: it compacts them long after their end.

use std::time::Duration;

use cameo_common::api::{ErrorCode, GRANT_RETENTION};
use cameo_common::ids::Millis;

use crate::clock;
use crate::cluster_api::ClusterError;
use crate::flows::absent_grant::is_absent;
use crate::flows::context::Context;
use crate::vault::records::{GrantOwned, Stage, UnconfirmedEnding, change};
use crate::vault::{Vault, VaultError};

/// The ledger looks at a grant each retention, and compacts it at the second look at the earliest.
const LEAST_AGE: Duration = GRANT_RETENTION.saturating_mul(2);

/// Whether a grant of this home is old enough to be compacted, by this machine's clock.
fn may_be_compacted(owned: &GrantOwned, now: Millis) -> bool {
    owned.stage >= Stage::Recorded && now >= owned.created.plus(LEAST_AGE)
}

/// Whether this error of a call about a grant means that the ledger has compacted it. Nodes that
/// say so of a younger one, or fewer of them than may lie, are not believed.
pub async fn is_compacted(ctx: &Context, owned: &GrantOwned, error: &ClusterError) -> bool {
    error.code() == Some(ErrorCode::NotFound)
        && may_be_compacted(owned, clock::now())
        && is_absent(&ctx.api, &owned.grant).await
}

/// Closes a compacted grant in this home, so that another one can be made and nothing is tried for
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
