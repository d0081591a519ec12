//! Verification of the carriers in this home.

use tokio::task::spawn_blocking;

use crate::vault::records::GrantHeld;
use crate::vault::{LocalError, Vault};

/// Whether the home has the complete carrier of a grant. A carrier that cannot be read counts as
/// missing.
///
/// # Errors
/// When the home cannot be used.
pub async fn has_carrier(vault: &Vault, held: &GrantHeld) -> Result<bool, LocalError> {
    let path = vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
    let read = spawn_blocking(move || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok::<_, std::io::Error>(*hasher.finalize().as_bytes())
    });
    let read = read.await.map_err(std::io::Error::other)?;
    Ok(read.is_ok_and(|found| found == held.carrier.0))
}
