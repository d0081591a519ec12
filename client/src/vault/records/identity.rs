//! Who this home is.

use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, Millis, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::cluster_api::Pinned;
use crate::vault::Record;

/// The one user and the one device of a home, and the cluster they belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: UserName,
    /// Seed of the Ed25519 identity key.
    pub identity: Secret,
    /// Seed of the Ed25519 key of this device.
    pub device: Secret,
    /// X25519 secrets; the last is the current one, older ones open old grants.
    pub sealing: Vec<Secret>,
    pub card: Signed<UserCard>,
    pub certificate: Signed<DeviceCertificate>,
    pub cluster: ClusterId,
    /// Base URLs of nodes, as given and as learnt.
    pub nodes: Vec<String>,
    /// Of the last endpoint record that was signed.
    pub endpoint_sequence: u64,
    pub created: Millis,
}

impl Record for Identity {
    const KIND: &'static str = "identity";
    const VERSION: u16 = 1;
}

impl Identity {
    /// The id under which the one record of this kind is kept.
    pub const ID: &'static str = "self";

    /// The key that speaks for the user.
    #[must_use]
    pub fn identity_key(&self) -> SigningKey {
        SigningKey::from_seed(*self.identity.expose())
    }

    /// The key that speaks for this device.
    #[must_use]
    pub fn device_key(&self) -> SigningKey {
        SigningKey::from_seed(*self.device.expose())
    }

    /// The secrets that things for this user are sealed to, the current one first.
    pub fn sealing_secrets(&self) -> impl Iterator<Item = SealingSecret> + '_ {
        let secrets = self.sealing.iter().rev();
        secrets.map(|secret| SealingSecret::from_bytes(*secret.expose()))
    }

    /// The cluster that this home is tied to.
    #[must_use]
    pub fn pinned(&self) -> Pinned {
        Pinned {
            cluster: self.cluster,
            nodes: self.nodes.clone(),
        }
    }
}

/// Up to where the event stream has been dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventToken {
    pub sequence: u64,
}

impl Record for EventToken {
    const KIND: &'static str = "event-token";
    const VERSION: u16 = 1;
}
