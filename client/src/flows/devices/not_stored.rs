//! The reason why a home has not stored its new device, and what it can do then.

use cameo_common::keys::PublicKey;

use crate::error_kind::{Classified, ErrorKind};
use crate::vault::VaultError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    #[error("its identity was removed meanwhile")]
    Removed,
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl NotStored {
    /// Whether the identity is as it was, so that commands run in this home.
    fn keeps_identity(&self) -> bool {
        match self {
            Self::Removed => false,
            Self::Vault(error) => match error {
                VaultError::Io { .. }
                | VaultError::Busy(_)
                | VaultError::TooLarge { .. }
                | VaultError::Encoding
                | VaultError::NoRandomness => true,
                VaultError::NoHome
                | VaultError::NotAFolder(_)
                | VaultError::NotCreated(_)
                | VaultError::AlreadyCreated(_)
                | VaultError::WrongPassphrase { .. }
                | VaultError::NoPassphrase(_)
                | VaultError::Damaged { .. }
                | VaultError::OtherVersion { .. }
                | VaultError::AgentRunning { .. }
                | VaultError::InvalidName(..) => false,
            },
        }
    }

    /// How the device that is registered ends.
    pub(super) fn remedy(&self, device: &PublicKey) -> String {
        match self.keeps_identity() {
            true => format!(
                "It keeps its device before: `cameo device revoke {device}` ends the new one, and \
                 then the command may be run again"
            ),
            false => format!(
                "No command runs in this home as it is: end the new device by `cameo device \
                 revoke {device}` in another home of yours, or restore this one first"
            ),
        }
    }
}

impl Classified for NotStored {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Removed => ErrorKind::Other,
            Self::Vault(error) => error.kind(),
        }
    }
}
