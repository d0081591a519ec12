//! The hello: mutual authentication over a TLS session.
//!
//! Client and server each send HMAC-SHA256(cluster secret, exporter of the TLS session, role, and
//! all that they claim). The exporter makes a proof invalid in any other session, and the role
//! prevents reflection. A peer that has not proven the secret learns nothing about the cluster.

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::wire::{self, VersionError};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Identity;
use super::known_members::KnownKey;
use super::refusal::Refusal;
use super::tls::Session;

/// Version of hello, frames and everything in them.
pub(super) const LINK_VERSION: u8 = 1;
const PROOF_LABEL: &[u8] = b"cameo link hello 1";

/// The purpose of a connection, which decides which requests are served on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Between members of one cluster: Raft, proposals, reads, and calls of other subsystems.
    Member,
    /// Bootstrap, join and removal. Raft is not served.
    Bootstrap,
}

/// The end of a connection that sent a hello.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Client,
    Server,
}

/// The first frame of a client, and the content of the server's first frame if it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub purpose: Purpose,
    pub node: NodeId,
    pub cluster: Option<ClusterId>,
    pub proof: [u8; 32],
}

/// The server's reply to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Welcome {
    Accepted(Hello),
    Refused(Refusal),
}

impl Hello {
    /// This node's hello for a session.
    pub fn new(identity: &Identity, purpose: Purpose, session: &Session, role: Role) -> Self {
        let mut hello = Self {
            purpose,
            node: identity.node,
            cluster: identity.members.cluster(),
            proof: [0; 32],
        };
        hello.proof = hello
            .proof_state(identity, session, role, &identity.keys.public())
            .finalize()
            .into_bytes()
            .into();
        hello
    }

    /// Checks the peer's hello. `dialed` is the node that a client expects.
    pub fn check(
        &self,
        identity: &Identity,
        session: &Session,
        role: Role,
        dialed: Option<NodeId>,
    ) -> Result<(), Refusal> {
        self.proof_state(identity, session, role, &session.peer_key)
            .verify_slice(&self.proof)
            .map_err(|_| Refusal::Secret)?;
        if let Some(dialed) = dialed.filter(|dialed| *dialed != self.node) {
            return Err(Refusal::Node {
                dialed,
                answered: self.node,
            });
        }
        if self.node == identity.node {
            return Err(Refusal::SameId);
        }
        match (identity.members.cluster(), self.cluster) {
            (Some(ours), Some(theirs)) if ours != theirs => return Err(Refusal::Cluster),
            (None, _) if self.purpose == Purpose::Member => return Err(Refusal::NoCluster),
            (_, None) if self.purpose == Purpose::Member => {
                return Err(Refusal::CallerHasNoCluster);
            }
            _ => {}
        }
        match identity.members.key_of(self.node) {
            KnownKey::Is(key) if key != session.peer_key => Err(Refusal::Key),
            _ => Ok(()),
        }
    }

    fn proof_state(
        &self,
        identity: &Identity,
        session: &Session,
        role: Role,
        key: &[u8; 32],
    ) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(identity.secret.bytes())
            .expect("HMAC takes keys of every length");
        mac.update(PROOF_LABEL);
        mac.update(&session.exporter);
        mac.update(&[match role {
            Role::Client => 1,
            Role::Server => 2,
        }]);
        mac.update(&[match self.purpose {
            Purpose::Member => 1,
            Purpose::Bootstrap => 2,
        }]);
        mac.update(&self.node.0.to_le_bytes());
        mac.update(&[u8::from(self.cluster.is_some())]);
        mac.update(&self.cluster.map_or([0; 32], |id| id.0));
        mac.update(key);
        mac
    }
}

/// Encodes as a version byte and the canonical bytes.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    wire::encode_versioned(LINK_VERSION, value)
}

/// Decodes, and refuses other versions, trailing bytes and non-canonical encodings.
pub(super) fn decode<T: Serialize + for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Refusal> {
    wire::decode_versioned(LINK_VERSION, bytes).map_err(|error| match error {
        // The version is one byte of the message.
        VersionError::UnknownVersion(other) => Refusal::Version(other as u8),
        VersionError::Wire(_) => Refusal::Malformed,
    })
}

#[cfg(test)]
mod tests;
