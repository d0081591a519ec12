//! Keys that this home has pinned: trust on first use, and no way back.

use cameo_common::identity::UserCard;
use cameo_common::ids::UserName;
use cameo_common::signed::Signed;

use crate::clock;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::Contact;
use crate::vault::{Vault, VaultError};

/// Why a card is not taken for somebody.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another key under a known name.
    #[error(
        "{0}'s key is not the one this home has known since you first met: somebody may stand between you. Nothing was sent; ask {0} in person and compare safety phrases (`cameo who {0}`) before you trust anything new"
    )]
    Changed(UserName),
    /// An older card than one that was seen.
    #[error(
        "the directory gives an older card of {0} than this home has seen: it is out of date or dishonest. Try again, or through another node"
    )]
    WentBack(UserName),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for PinError {
    fn kind(&self) -> ErrorKind {
        match self {
            PinError::Changed(_) => ErrorKind::IdentityChanged,
            PinError::WentBack(_) => ErrorKind::Untrusted,
            PinError::Vault(error) => error.kind(),
        }
    }
}

/// Pins a verified card. True on first contact.
///
/// # Errors
/// See [`PinError`].
pub fn pin(vault: &Vault, signed: &Signed<UserCard>, card: &UserCard) -> Result<bool, PinError> {
    let known = vault.get::<Contact>(card.name.as_str())?;
    match &known {
        Some(contact) if contact.key == card.key && contact.card == *signed => return Ok(false),
        Some(contact) => judge(contact, card)?,
        None => {}
    }
    let mut newly_met = false;
    vault.update::<Contact, PinError>(card.name.as_str(), |found| {
        newly_met = found.is_none();
        if let Some(contact) = &found {
            judge(contact, card)?;
        }
        Ok(Some(Contact {
            name: card.name.clone(),
            key: card.key,
            card: signed.clone(),
            sequence: card.sequence,
            first_met: found.map_or_else(clock::now, |contact| contact.first_met),
        }))
    })?;
    Ok(newly_met)
}

fn judge(contact: &Contact, card: &UserCard) -> Result<(), PinError> {
    if contact.key != card.key {
        Err(PinError::Changed(card.name.clone()))
    } else if card.sequence < contact.sequence {
        Err(PinError::WentBack(card.name.clone()))
    } else {
        Ok(())
    }
}
