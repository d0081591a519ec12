//! The record types of the vault, one subject a file.
//!
//! The id of a record is a user's name, or the hex of an image, grant or request. A record whose
//! encoding changes gets another version; the old one stays as a type with a conversion to the new
//! one. A test pins the bytes of each.

mod contact;
mod earlier_cluster;
mod grant;
mod grant_v1;
mod identity;
mod image;
mod newest_descriptor;
mod other_agent;
mod outbox;
mod request;
mod view;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use contact::Contact;
pub use earlier_cluster::EarlierCluster;
pub use grant::{GrantHeld, GrantOwned, Stage};
pub use grant_v1::GrantHeldV1;
pub use identity::{EventToken, Identity};
pub use image::{Image, ImageV1, Look, LookV1, Policy, SeenGallery, Terms, UNTITLED};
pub use newest_descriptor::NewestDescriptor;
pub use other_agent::OtherAgent;
pub use outbox::{Attempts, OutboxKey, UnconfirmedEnding};
pub use request::{
    Incoming, IncomingState, IncomingStateV1, IncomingV1, Outgoing, OutgoingState, OutgoingV1,
    RequestSubject,
};
pub use view::PendingView;

use super::{Record, Vault, VaultError};

/// 32 secret bytes in a record: zeroized when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret of these bytes.
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

/// Edits a record if it exists, and returns the new one.
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
