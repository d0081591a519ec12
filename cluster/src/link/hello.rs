//! The hello: what each side of a TLS session claims to be.
//!
//! TLS has proven each side's key. On a connection between members the key must be the one that the
//! membership has for the id. A caller that wants to join is nobody yet: what it may ask is decided
//! by the token that it sends along.
//!
//! Bootstrap alone needs the cluster secret, since no node knows another's key then. Client and
//! server each send HMAC-SHA256(cluster secret, exporter of the TLS session, role, and all that
//! they claim). The exporter makes a proof invalid in any other session, and the role prevents
//! reflection.

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::wire::{self, VersionError};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Identity;
use super::known_members::KnownKey;
use super::refusal::Refusal;
use super::secret::ClusterSecret;
use super::tls::Session;

/// Version of hello, frames and everything in them.
pub(super) const LINK_VERSION: u8 = 2;
const PROOF_LABEL: &[u8] = b"cameo link hello 1";

/// The purpose of a connection, which decides which requests are served on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Between members of one cluster: Raft, proposals, reads, and calls of other subsystems.
    Member,
    /// Bootstrap of a cluster. Both sides prove the secret.
    Bootstrap,
    /// Joining, and the leader's call to a node that joins. Nothing but that is served.
    Join,
}

/// The end of a connection that sent a hello.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Client,
    Server,
}

/// What a client expects of the node that it has dialed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialed {
    pub node: NodeId,
    /// See `Dial::key`.
    pub key: Option<[u8; 32]>,
}

/// The first frame of a client, and the content of the server's first frame if it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub purpose: Purpose,
    pub node: NodeId,
    pub cluster: Option<ClusterId>,
    /// Of the cluster secret, for bootstrap only.
    pub proof: Option<[u8; 32]>,
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
            proof: None,
        };
        if purpose == Purpose::Bootstrap
            && let Some(secret) = &identity.secret
        {
            let state = hello.proof_state(secret, session, role, &identity.keys.public());
            hello.proof = Some(state.finalize().into_bytes().into());
        }
        hello
    }

    /// Checks the peer's hello. `dialed` is what a client expects.
    pub fn check(
        &self,
        identity: &Identity,
        session: &Session,
        role: Role,
        dialed: Option<Dialed>,
    ) -> Result<(), Refusal> {
        self.check_proof(identity, session, role)?;
        if let Some(dialed) = dialed.filter(|dialed| dialed.node != self.node) {
            return Err(Refusal::Node {
                dialed: dialed.node,
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
        let known = match identity.members.key_of(self.node) {
            KnownKey::Is(key) => Some(key),
            KnownKey::Unknown => None,
        };
        let named = dialed.and_then(|dialed| dialed.key);
        let differs = |key: [u8; 32]| key != session.peer_key;
        if known.is_some_and(differs) || named.is_some_and(differs) {
            return Err(Refusal::Key);
        }
        match role {
            // A member dials members only, and knows their keys.
            _ if self.purpose != Purpose::Member || known.or(named).is_some() => Ok(()),
            Role::Client => Err(Refusal::NotMember),
            Role::Server => Err(Refusal::UnknownMember),
        }
    }

    fn check_proof(
        &self,
        identity: &Identity,
        session: &Session,
        role: Role,
    ) -> Result<(), Refusal> {
        match (self.purpose, self.proof, &identity.secret) {
            (Purpose::Bootstrap, Some(proof), Some(secret)) => self
                .proof_state(secret, session, role, &session.peer_key)
                .verify_slice(&proof)
                .map_err(|_| Refusal::Secret),
            (Purpose::Bootstrap, ..) => Err(Refusal::Secret),
            (Purpose::Member | Purpose::Join, None, _) => Ok(()),
            (Purpose::Member | Purpose::Join, Some(_), _) => Err(Refusal::Malformed),
        }
    }

    fn proof_state(
        &self,
        secret: &ClusterSecret,
        session: &Session,
        role: Role,
        key: &[u8; 32],
    ) -> Hmac<Sha256> {
        let mut mac = secret.mac();
        mac.update(PROOF_LABEL);
        mac.update(&session.exporter);
        mac.update(&[match role {
            Role::Client => 1,
            Role::Server => 2,
        }]);
        mac.update(&[match self.purpose {
            Purpose::Member => 1,
            Purpose::Bootstrap => 2,
            Purpose::Join => 3,
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
