//! The identity of a home, and its position in the event stream.

use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, Millis, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::cluster_api::Pinned;
use crate::vault::Record;

/// The user, the device and the cluster of a home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: UserName,
    /// Seed of the Ed25519 identity key.
    pub identity: Secret,
    /// Seed of the Ed25519 key of this device.
    pub device: Secret,
    /// X25519 secrets, the current one last. Older ones open old grants.
    pub sealing: Vec<Secret>,
    pub card: Signed<UserCard>,
    pub certificate: Signed<DeviceCertificate>,
    pub cluster: ClusterId,
    /// Base URLs of nodes, from the command line and from the cluster.
    pub nodes: Vec<String>,
    /// Sequence of the last signed endpoint record.
    pub endpoint_sequence: u64,
    pub created: Millis,
    /// The cluster has said that the name is this key's. Until then another name may be tried.
    pub registered: bool,
}

impl Record for Identity {
    const KIND: &'static str = "identity";
    const VERSION: u16 = 2;
}

impl Identity {
    /// The id of the only record of this kind.
    pub const ID: &'static str = "self";

    /// The user's identity key.
    #[must_use]
    pub fn identity_key(&self) -> SigningKey {
        SigningKey::from_seed(*self.identity.expose())
    }

    /// This device's key.
    #[must_use]
    pub fn device_key(&self) -> SigningKey {
        SigningKey::from_seed(*self.device.expose())
    }

    /// The user's sealing secrets, the current one first.
    pub fn sealing_secrets(&self) -> impl Iterator<Item = SealingSecret> + '_ {
        let secrets = self.sealing.iter().rev();
        secrets.map(|secret| SealingSecret::from_bytes(*secret.expose()))
    }

    /// The pinned cluster of this home.
    #[must_use]
    pub fn pinned(&self) -> Pinned {
        Pinned {
            cluster: self.cluster,
            nodes: self.nodes.clone(),
        }
    }
}

/// The last processed sequence of the event stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventToken {
    pub sequence: u64,
}

impl Record for EventToken {
    const KIND: &'static str = "event-token";
    const VERSION: u16 = 1;
}
