//! Identity of users and devices: cards, device certificates and revocations, endpoint records.
//!
//! A name belongs to the first key that registers it; a device acts for a user as long as the
//! user's identity key has certified it, and not revoked it.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, Millis, UserName};
use crate::keys::{PublicKey, SealingPublic};
use crate::signed::Statement;

/// Most devices of one user, revoked ones included.
pub const MAX_DEVICES: usize = 16;
/// Most addresses in an endpoint record.
pub const MAX_ADDRESSES: usize = 16;
/// Most characters in one address.
pub const MAX_ADDRESS: usize = 128;

/// A user's own statement of name and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCard {
    pub name: UserName,
    /// The identity key, which signs.
    pub key: PublicKey,
    /// The key to which others seal for this user.
    pub sealing: SealingPublic,
    /// Rises with each card; a client refuses lower ones.
    pub sequence: u64,
}

impl Statement for UserCard {
    const LABEL: &'static str = "user-card";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.key
    }
}

/// The identity key's statement that a device acts for its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCertificate {
    /// The user's identity key, which signs.
    pub user: PublicKey,
    /// The device's key; also its endpoint id on the peer-to-peer network.
    pub device: PublicKey,
    pub sequence: u64,
    pub not_after: Millis,
}

impl Statement for DeviceCertificate {
    const LABEL: &'static str = "device-certificate";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.user
    }
}

/// The identity key's statement that a device acts for its user no more, for good: no later
/// certificate of the same device key counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRevocation {
    /// The user's identity key, which signs.
    pub user: PublicKey,
    pub cluster: ClusterId,
    pub device: PublicKey,
    /// Above the sequence of the device's newest certificate.
    pub sequence: u64,
}

impl Statement for DeviceRevocation {
    const LABEL: &'static str = "device-revocation";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.user
    }
}

/// The current addresses of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// The device's key, which signs.
    pub device: PublicKey,
    pub sequence: u64,
    /// Direct addresses, `ip:port`.
    pub addresses: Vec<String>,
    /// A relay's URL; no node runs a relay yet.
    pub relay: Option<String>,
}

impl Statement for EndpointRecord {
    const LABEL: &'static str = "endpoint-record";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.device
    }
}

impl EndpointRecord {
    /// Whether the record is within its limits.
    #[must_use]
    pub fn fits(&self) -> bool {
        let texts = self.addresses.iter().chain(&self.relay);
        self.addresses.len() <= MAX_ADDRESSES
            && texts.into_iter().all(|text| text.len() <= MAX_ADDRESS)
    }
}

/// Twelve words that two people compare to rule out an impostor between them.
///
/// The same for both: the keys are ordered before they are hashed.
#[must_use]
pub fn safety_phrase(one: &PublicKey, other: &PublicKey) -> String {
    let (low, high) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    let mut hasher = blake3::Hasher::new_derive_key("cameo safety phrase v1");
    hasher.update(&low.0).update(&high.0);
    let bits = hasher.finalize();
    let words = bip39::Language::English.word_list();
    let pick = |at: usize| {
        let pair = [bits.as_bytes()[2 * at], bits.as_bytes()[2 * at + 1]];
        words[usize::from(u16::from_be_bytes(pair)) % words.len()]
    };
    (0..12).map(pick).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_read_the_same_phrase() {
        let (a, b, c) = (PublicKey([1; 32]), PublicKey([2; 32]), PublicKey([3; 32]));
        assert_eq!(safety_phrase(&a, &b), safety_phrase(&b, &a));
        assert_ne!(safety_phrase(&a, &b), safety_phrase(&a, &c));
        assert_eq!(safety_phrase(&a, &b).split(' ').count(), 12);
    }
}
