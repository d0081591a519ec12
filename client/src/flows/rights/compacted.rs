//! Grants that the ledger no longer keeps: it compacts them long after their end.

use cameo_common::api::{ErrorCode, GRANT_RETENTION};
use cameo_common::ids::Millis;

use crate::clock;
use crate::cluster_api::ClusterError;
use crate::vault::records::{GrantOwned, Stage, UnconfirmedEnding, change};
use crate::vault::{Vault, VaultError};

/// Whether a grant of this home is old enough to be compacted. Of a younger one, nodes that say
/// that they do not have it are not believed.
#[must_use]
pub fn may_be_compacted(owned: &GrantOwned, now: Millis) -> bool {
    owned.stage >= Stage::Recorded && now >= owned.created.plus(GRANT_RETENTION)
}

/// Whether this error says that the grant was compacted.
pub(super) fn is_so(owned: &GrantOwned, error: &ClusterError) -> bool {
    error.code() == Some(ErrorCode::NotFound) && may_be_compacted(owned, clock::now())
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
