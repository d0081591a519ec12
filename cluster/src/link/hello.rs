//! The hello: who is at the other end of a TLS session, and may he speak here.
//!
//! Client and server each prove with HMAC-SHA256(cluster secret, exporter of this TLS session, role,
//! and all that they claim). The exporter makes a proof worthless in any other session; the role
//! keeps a proof from being sent back. Nothing is told to one who has not proven the secret.

use cameo_common::ids::{ClusterId, NodeId};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;

use super::Identity;
use super::tls::Session;

/// Version of hello, frames and all that they carry.
pub(super) const LINK_VERSION: u8 = 1;
const PROOF_LABEL: &[u8] = b"cameo link hello 1";

/// What this node knows of the cluster when a hello comes or goes.
pub trait Admission: Send + Sync {
    /// The cluster this node belongs to, once it does.
    fn cluster(&self) -> Option<ClusterId>;
    /// What the membership says of a node's key.
    fn key_of(&self, node: NodeId) -> KnownKey;
}

/// What the membership says of a node's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownKey {
    /// This key and no other.
    Is([u8; 32]),
    /// The node is not in the membership as known here. That may be news to us: a lagging node must
    /// still let a leader in that it has not heard of; secret and cluster id are proof enough.
    Unknown,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Between members of one formed cluster: Raft, proposals, reads, `App`.
    Member,
    /// Questions before there is a cluster; nothing of Raft is served.
    Forming,
}

/// Which end of the connection spoke.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Client,
    Server,
}

/// Why a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    #[error("it speaks version {0} of the link; run the same cameod on every node")]
    Version(u8),
    #[error("the cluster secret differs; give the same --secret file to every node")]
    Secret,
    #[error("it belongs to another cluster; check --peers and --data")]
    Cluster,
    #[error(
        "the cluster knows another key for this node id; a node that lost its data or key must be removed and added under a new id"
    )]
    Key,
    #[error("it belongs to no cluster yet")]
    Unformed,
    #[error("this side belongs to no cluster yet")]
    CallerUnformed,
    #[error("node {answered} answered where node {dialed} was expected; check --peers")]
    Node { dialed: NodeId, answered: NodeId },
    #[error("it has this node's own id; every node needs an id of its own")]
    SameId,
    #[error("it has too many connections open")]
    Crowded,
    #[error("its hello could not be read")]
    Malformed,
}

/// The first frame from either end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub purpose: Purpose,
    pub node: NodeId,
    pub cluster: Option<ClusterId>,
    pub proof: [u8; 32],
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Welcome {
    Come(Hello),
    Refused(Refusal),
}

impl Hello {
    /// This node's hello for a session.
    pub fn new(identity: &Identity, purpose: Purpose, session: &Session, role: Role) -> Self {
        let mut hello = Self {
            purpose,
            node: identity.node,
            cluster: identity.admission.cluster(),
            proof: [0; 32],
        };
        hello.proof = hello
            .proof_state(identity, session, role, &identity.keys.public())
            .finalize()
            .into_bytes()
            .into();
        hello
    }

    /// Checks the peer's hello. `dialed` is the node that a client wanted.
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
        match (identity.admission.cluster(), self.cluster) {
            (Some(ours), Some(theirs)) if ours != theirs => return Err(Refusal::Cluster),
            (None, _) if self.purpose == Purpose::Member => return Err(Refusal::Unformed),
            (_, None) if self.purpose == Purpose::Member => return Err(Refusal::CallerUnformed),
            _ => {}
        }
        match identity.admission.key_of(self.node) {
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
            Purpose::Forming => 2,
        }]);
        mac.update(&self.node.0.to_le_bytes());
        mac.update(&[u8::from(self.cluster.is_some())]);
        mac.update(&self.cluster.map_or([0; 32], |id| id.0));
        mac.update(key);
        mac
    }
}

/// A version byte, then postcard.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(value, vec![LINK_VERSION])
}

/// Refuses other versions, trailing bytes and anything that would encode differently.
pub(super) fn decode<T: Serialize + for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Refusal> {
    match bytes.split_first() {
        Some((&LINK_VERSION, rest)) => {
            let value = postcard::from_bytes(rest).map_err(|_| Refusal::Malformed)?;
            let again = encode(&value).map_err(|_| Refusal::Malformed)?;
            (again == bytes).then_some(value).ok_or(Refusal::Malformed)
        }
        Some((&other, _)) => Err(Refusal::Version(other)),
        None => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::link::{ClusterSecret, NodeKeys};

    struct Knows(Option<ClusterId>, KnownKey);
    impl Admission for Knows {
        fn cluster(&self) -> Option<ClusterId> {
            self.0
        }
        fn key_of(&self, _node: NodeId) -> KnownKey {
            self.1
        }
    }

    fn identity(node: u8, cluster: Option<ClusterId>, known: KnownKey, secret: u8) -> Identity {
        Identity {
            node: NodeId(u64::from(node)),
            keys: Arc::new(NodeKeys::from_seeds(&[node; 64])),
            secret: Arc::new(ClusterSecret::from_bytes(vec![secret; 32]).unwrap()),
            admission: Arc::new(Knows(cluster, known)),
        }
    }

    fn session_seen_with(peer: &Identity) -> Session {
        Session {
            peer_key: peer.keys.public(),
            exporter: [3; 32],
        }
    }

    const HOME: Option<ClusterId> = Some(ClusterId([5; 32]));

    #[test]
    fn the_bytes_of_hello_and_welcome_are_pinned() {
        let hello = Hello {
            purpose: Purpose::Forming,
            node: NodeId(300),
            cluster: Some(ClusterId([5; 32])),
            proof: [9; 32],
        };
        let mut bytes = vec![1, 1, 0xac, 0x02, 1];
        bytes.extend([5; 32]);
        bytes.extend([9; 32]);
        assert_eq!(encode(&hello).unwrap(), bytes);
        assert_eq!(decode::<Hello>(&bytes), Ok(hello));
        assert_eq!(
            encode(&Welcome::Refused(Refusal::Secret)).unwrap(),
            [1, 1, 1]
        );
    }

    #[test]
    fn the_proof_is_pinned() {
        let me = identity(1, HOME, KnownKey::Unknown, 7);
        let hello = Hello::new(&me, Purpose::Member, &session_seen_with(&me), Role::Client);
        assert_eq!(
            data_hex(&hello.proof),
            PINNED_PROOF,
            "the proof of a hello changed: that breaks links between versions"
        );
    }

    const PINNED_PROOF: &str = "4ddd7727419d82c70116821688537630708e8aa0024667c3add360103631a5d9";

    fn data_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn other_versions_and_loose_encodings_are_refused() {
        let hello = Hello {
            purpose: Purpose::Member,
            node: NodeId(1),
            cluster: None,
            proof: [9; 32],
        };
        let good = encode(&hello).unwrap();
        let mut newer = good.clone();
        newer[0] = 2;
        assert_eq!(decode::<Hello>(&newer), Err(Refusal::Version(2)));
        let mut trailing = good.clone();
        trailing.push(0);
        assert_eq!(decode::<Hello>(&trailing), Err(Refusal::Malformed));
        let mut overlong = good;
        overlong.splice(2..3, [0x81, 0x00]);
        assert_eq!(decode::<Hello>(&overlong), Err(Refusal::Malformed));
        assert_eq!(decode::<Hello>(&[]), Err(Refusal::Malformed));
    }

    #[test]
    fn a_member_is_let_in_and_each_stranger_is_told_his_own_reason() {
        let server = |cluster, known| identity(2, cluster, known, 7);
        let check = |server: &Identity, client: &Identity, purpose| {
            let session = session_seen_with(client);
            Hello::new(client, purpose, &session, Role::Client).check(
                server,
                &session,
                Role::Client,
                None,
            )
        };
        let member = identity(1, HOME, KnownKey::Unknown, 7);
        let right = KnownKey::Is(member.keys.public());
        assert_eq!(
            check(&server(HOME, right), &member, Purpose::Member),
            Ok(())
        );

        let thief = identity(1, HOME, KnownKey::Unknown, 8);
        let elsewhere = identity(1, Some(ClusterId([6; 32])), KnownKey::Unknown, 7);
        let empty = identity(1, None, KnownKey::Unknown, 7);
        let twin = identity(2, HOME, KnownKey::Unknown, 7);
        let other_key = KnownKey::Is([1; 32]);
        for (server, client, purpose, reason) in [
            (
                server(HOME, right),
                &thief,
                Purpose::Member,
                Refusal::Secret,
            ),
            (
                server(HOME, right),
                &elsewhere,
                Purpose::Member,
                Refusal::Cluster,
            ),
            (
                server(HOME, right),
                &elsewhere,
                Purpose::Forming,
                Refusal::Cluster,
            ),
            (
                server(HOME, other_key),
                &member,
                Purpose::Member,
                Refusal::Key,
            ),
            (
                server(HOME, right),
                &empty,
                Purpose::Member,
                Refusal::CallerUnformed,
            ),
            (
                server(None, right),
                &member,
                Purpose::Member,
                Refusal::Unformed,
            ),
            (server(HOME, right), &twin, Purpose::Member, Refusal::SameId),
        ] {
            assert_eq!(check(&server, client, purpose), Err(reason));
        }
        assert_eq!(
            check(&server(None, right), &member, Purpose::Forming),
            Ok(())
        );
        assert_eq!(
            check(&server(HOME, right), &empty, Purpose::Forming),
            Ok(())
        );
    }

    #[test]
    fn a_proof_is_good_for_one_session_one_role_and_one_claim() {
        let client = identity(1, HOME, KnownKey::Unknown, 7);
        let server = identity(2, HOME, KnownKey::Unknown, 7);
        let session = session_seen_with(&client);
        let hello = Hello::new(&client, Purpose::Member, &session, Role::Client);
        assert_eq!(
            hello.check(&server, &session, Role::Client, Some(NodeId(1))),
            Ok(())
        );

        let replayed = Session {
            exporter: [4; 32],
            ..session_seen_with(&client)
        };
        assert_eq!(
            hello.check(&server, &replayed, Role::Client, None),
            Err(Refusal::Secret)
        );
        assert_eq!(
            hello.check(&server, &session, Role::Server, None),
            Err(Refusal::Secret)
        );
        let relayed_under_another_key = session_seen_with(&server);
        assert_eq!(
            hello.check(&server, &relayed_under_another_key, Role::Client, None),
            Err(Refusal::Secret)
        );
        let mut claims = hello.clone();
        claims.node = NodeId(3);
        assert_eq!(
            claims.check(&server, &session, Role::Client, None),
            Err(Refusal::Secret)
        );
        assert_eq!(
            hello.check(&server, &session, Role::Client, Some(NodeId(3))),
            Err(Refusal::Node {
                dialed: NodeId(3),
                answered: NodeId(1)
            })
        );
    }
}
