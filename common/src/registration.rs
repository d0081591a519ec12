//! Registration of users: who may register, and invites.
//!
//! An invite is a key pair of its own. Its public key is in the state; its seed is what the
//! operator hands over. The seed signs the identity that it is used for, so that a node which
//! carries the registration cannot use the invite for another.

mod code;
mod file;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::{ClusterId, UserName};
use crate::keys::{PublicKey, SigningKey};
use crate::signed::Statement;

pub use code::{CodeError, MAX_CODE_NODES};
pub use file::{InviteFile, InviteFileError};

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// Everyone who reaches a node.
    Open,
    /// The bearer of an invite.
    Invite,
    /// Nobody. Users who are registered may still add devices.
    Closed,
}

/// Text that is no registration mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of open, invite, closed")]
pub struct NotAMode;

impl FromStr for RegistrationMode {
    type Err = NotAMode;
    fn from_str(text: &str) -> Result<Self, NotAMode> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            "closed" => Ok(Self::Closed),
            _ => Err(NotAMode),
        }
    }
}

impl fmt::Display for RegistrationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        })
    }
}

/// Longest life of an invite, and of a worker's token.
pub const MAX_INVITE_LIFE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// The use of an invite, for one identity and name in one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteUse {
    /// The invite's key, which signs.
    pub invite: PublicKey,
    pub cluster: ClusterId,
    /// The identity key that registers.
    pub identity: PublicKey,
    pub name: UserName,
}

impl Statement for InviteUse {
    const LABEL: &'static str = "invite-use";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.invite
    }
}

/// The secret of an invite. Wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct InviteSeed(pub [u8; 16]);

impl InviteSeed {
    /// The invite's key.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(blake3::derive_key("cameo invite key v1", &self.0))
    }
}

impl fmt::Debug for InviteSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSeed(..)")
    }
}

/// All that a person needs to register: where the cluster is, its fingerprint, and the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    pub cluster: ClusterId,
    pub seed: InviteSeed,
    /// Base URLs of some nodes.
    pub nodes: Vec<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mode_reads_back_from_its_text() {
        use RegistrationMode::{Closed, Invite, Open};
        for mode in [Open, Invite, Closed] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("Open".parse::<RegistrationMode>(), Err(NotAMode));
    }

    #[test]
    fn a_seed_is_not_printed() {
        assert_eq!(format!("{:?}", InviteSeed([7; 16])), "InviteSeed(..)");
    }
}
