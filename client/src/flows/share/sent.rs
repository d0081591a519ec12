//! Carriers that are kept to be sent again, and when they go.

use std::time::Duration;

use cameo_common::ids::Millis;

use crate::vault::records::{GrantOwned, Stage};
use crate::vault::{Vault, VaultError};

/// How long the carrier of a live grant is kept after the grant was made, for a viewer who has lost
/// it and requests it again.
pub const SENT_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Removes the carriers that are not needed any more: of grants that have ended, and of those that
/// were delivered and made longer ago than [`SENT_KEPT`]. Returns how many.
///
/// # Errors
/// When the home cannot be read or written.
pub fn drop_sent(vault: &Vault, now: Millis) -> Result<usize, VaultError> {
    let mut dropped = 0;
    for (_, owned) in vault.list::<GrantOwned>()? {
        if !is_needed(&owned, now) && vault.delete_blob(GrantOwned::CARRIERS, &owned.blob())? {
            dropped += 1;
        }
    }
    Ok(dropped)
}

fn is_needed(owned: &GrantOwned, now: Millis) -> bool {
    let undelivered = owned.stage < Stage::Delivered;
    owned.is_live(now) && (undelivered || now < owned.created.plus(SENT_KEPT))
}

/// Whether a grant's carrier can be sent.
///
/// # Errors
/// When the home cannot be read.
pub fn has_carrier(vault: &Vault, owned: &GrantOwned) -> Result<bool, VaultError> {
    let path = vault.blob_path(GrantOwned::CARRIERS, &owned.blob())?;
    Ok(path.exists())
}
