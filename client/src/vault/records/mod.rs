//! What the records of a vault say: one file a noun.
//!
//! Ids are the nouns' own: a user's name, or the hex of an image, grant or request. A record whose
//! shape changes gets another version, and the old shape stays as a type with a step to the new one. The
//! bytes of each are pinned by a test.

mod contact;
mod grant;
mod identity;
mod image;
mod outbox;
mod request;
mod view;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use contact::Contact;
pub use grant::{GrantHeld, GrantOwned, Stage};
pub use identity::{EventToken, Identity};
pub use image::{Image, ImageV1, Look, LookV1, Policy, SeenGallery, Terms, UNTITLED};
pub use outbox::{Attempts, OutboxKey};
pub use request::{
    Asked, Incoming, IncomingState, IncomingStateV1, IncomingV1, Outgoing, OutgoingState,
    OutgoingV1,
};
pub use view::PendingView;

use super::{Record, Vault, VaultError};

/// 32 secret bytes in a record: wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Changes a record that has to be there; what is not there stays so.
///
/// # Errors
/// When the vault cannot be read or written.
pub fn change<T: Record + Clone + PartialEq>(
    vault: &Vault,
    id: &str,
    edit: impl FnOnce(&mut T),
) -> Result<Option<T>, VaultError> {
    vault.update::<T, VaultError>(id, |found| {
        Ok(found.map(|mut record| {
            edit(&mut record);
            record
        }))
    })
}

#[cfg(test)]
mod tests;
