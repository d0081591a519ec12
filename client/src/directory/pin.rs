//! Pinned keys of other users: trust on first use, and no return to an older card.

use cameo_common::identity::UserCard;
use cameo_common::ids::UserName;
use cameo_common::signed::Signed;

use crate::clock;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::Contact;
use crate::vault::{Vault, VaultError};

/// A card that is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another key under a known name.
    #[error(
        "{0}'s key is not the one that this home has pinned: somebody may impersonate {0}. Nothing \
         was sent; ask {0} in person and compare safety phrases (`cameo who {0}`) before you trust \
         the new key"
    )]
    KeyChanged(UserName),
    /// A card older than the stored one.
    #[error(
        "the directory returned a card of {0} that is older than the stored one: it is stale or \
         dishonest. Try again, or through another node"
    )]
    OlderCard(UserName),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for PinError {
    fn kind(&self) -> ErrorKind {
        match self {
            PinError::KeyChanged(_) => ErrorKind::IdentityChanged,
            PinError::OlderCard(_) => ErrorKind::Untrusted,
            PinError::Vault(error) => error.kind(),
        }
    }
}

/// Pins a verified card. True on first contact.
///
/// # Errors
/// When the key differs from the pinned one, or the card is older than the stored one.
pub fn pin(vault: &Vault, signed: &Signed<UserCard>, card: &UserCard) -> Result<bool, PinError> {
    let known = vault.get::<Contact>(card.name.as_str())?;
    match &known {
        Some(contact) if contact.key == card.key && contact.card == *signed => return Ok(false),
        Some(contact) => check(contact, card)?,
        None => {}
    }
    let mut first_contact = false;
    vault.update::<Contact, PinError>(card.name.as_str(), |found| {
        first_contact = found.is_none();
        if let Some(contact) = &found {
            check(contact, card)?;
        }
        Ok(Some(Contact {
            name: card.name.clone(),
            key: card.key,
            card: signed.clone(),
            sequence: card.sequence,
            first_met: found.map_or_else(clock::now, |contact| contact.first_met),
        }))
    })?;
    Ok(first_contact)
}

fn check(contact: &Contact, card: &UserCard) -> Result<(), PinError> {
    if contact.key != card.key {
        Err(PinError::KeyChanged(card.name.clone()))
    } else if card.sequence < contact.sequence {
        Err(PinError::OlderCard(card.name.clone()))
    } else {
        Ok(())
    }
}
