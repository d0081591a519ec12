//! The views of a received grant that are used, as a node says.

use cameo_common::ids::GrantId;

use crate::vault::records::{GrantHeld, change};
use crate::vault::{Vault, VaultError};

/// Stores how many views the ledger has charged: what the last node that was asked has said, so
/// that a false figure does not stay, and never more than the rights permit.
///
/// # Errors
/// When the vault cannot be written.
pub fn store_used_of_ledger(vault: &Vault, grant: &GrantId, used: u32) -> Result<(), VaultError> {
    change::<GrantHeld>(vault, &grant.to_string(), |held| {
        held.used = used.min(permitted(held));
    })?;
    Ok(())
}

/// Stores how many views were used after a debit. The answer to a repeated one may be older than
/// what is known.
///
/// # Errors
/// When the vault cannot be written.
pub fn store_used_of_debit(vault: &Vault, grant: &GrantId, used: u32) -> Result<(), VaultError> {
    change::<GrantHeld>(vault, &grant.to_string(), |held| {
        held.used = held.used.max(used.min(permitted(held)));
    })?;
    Ok(())
}

/// The stored rights were verified before.
fn permitted(held: &GrantHeld) -> u32 {
    let rights = held.rights.unverified();
    rights.map_or(held.used, |rights| rights.permitted)
}
