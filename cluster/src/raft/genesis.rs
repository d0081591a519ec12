//! Genesis of a cluster: its founding nodes and a nonce.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::registration::RegistrationMode;
use serde::{Deserialize, Serialize};

use crate::certificate::Voters;
use crate::consensus_types::Member;

/// A founding node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisMember {
    /// Raft id.
    pub id: NodeId,
    /// `host:port` of its node link.
    pub link: String,
    /// Base URL of its HTTP API.
    pub http: String,
    /// Ed25519 node key.
    pub key: [u8; 32],
    /// X25519 key to which parts are sealed.
    pub sealing: [u8; 32],
}

/// What the founders agree on beside their number and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisTerms {
    /// The operator's public key, from the secret file.
    pub operator: PublicKey,
    /// Who may register when the cluster begins.
    pub registration: RegistrationMode,
}

impl GenesisTerms {
    /// What to do about another founder's terms, if they differ.
    pub fn check(&self, other: &Self, id: NodeId) -> Result<(), String> {
        if self.operator != other.operator {
            return Err(format!(
                "node {id} has another operator's key in its secret file; give every node the same \
                 secret file"
            ));
        }
        if self.registration != other.registration {
            return Err(format!(
                "node {id} forms a cluster with --registration {}, this node with {}; give every \
                 node the same --registration",
                other.registration, self.registration
            ));
        }
        Ok(())
    }
}

/// The origin of a cluster. The cluster's first descriptor, which is the first entry proposed, is
/// made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The founders, by ascending id.
    pub members: Vec<GenesisMember>,
    pub terms: GenesisTerms,
    /// Random, from the node that made the genesis, so that two clusters of the same nodes differ.
    pub nonce: [u8; 32],
}

impl Genesis {
    /// The cluster's first descriptor. Addresses may change later and are not part of it.
    pub fn descriptor(&self) -> Descriptor {
        let nodes = self.members.iter().map(|member| NodeIdentity {
            id: member.id,
            key: PublicKey(member.key),
            sealing: SealingPublic(member.sealing),
        });
        let GenesisTerms {
            operator,
            registration,
        } = self.terms;
        Descriptor::genesis(nodes.collect(), operator, registration, Hash(self.nonce))
    }

    /// The cluster's id, which clients pin: the hash of the first descriptor.
    pub fn cluster_id(&self) -> ClusterId {
        ClusterId(self.descriptor().hash().0)
    }

    /// The voters, whose signatures certify a snapshot.
    pub fn voters(&self) -> Voters {
        Voters::of(&self.descriptor(), self.cluster_id())
    }

    /// The founder with this id.
    pub fn member(&self, id: NodeId) -> Option<&GenesisMember> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(super) fn membership(&self) -> std::collections::BTreeMap<NodeId, Member> {
        self.members
            .iter()
            .map(|founder| {
                let member = Member {
                    link: founder.link.clone(),
                    http: founder.http.clone(),
                    key: founder.key,
                };
                (founder.id, member)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn founder(id: u8) -> GenesisMember {
        GenesisMember {
            id: NodeId(u64::from(id)),
            link: format!("h{id}:1"),
            http: format!("http://h{id}:2"),
            key: [id; 32],
            sealing: [id + 100; 32],
        }
    }

    fn terms() -> GenesisTerms {
        GenesisTerms {
            operator: PublicKey([8; 32]),
            registration: RegistrationMode::Invite,
        }
    }

    #[test]
    fn founders_with_other_terms_are_told_what_to_change() {
        let ours = terms();
        let other_key = GenesisTerms {
            operator: PublicKey([7; 32]),
            ..ours
        };
        let other_mode = GenesisTerms {
            registration: RegistrationMode::Open,
            ..ours
        };
        assert_eq!(ours.check(&ours, NodeId(2)), Ok(()));
        let why = ours.check(&other_key, NodeId(2)).unwrap_err();
        assert!(why.contains("same secret file"), "{why}");
        let why = ours.check(&other_mode, NodeId(2)).unwrap_err();
        assert!(why.contains("same --registration"), "{why}");
    }

    #[test]
    fn the_id_depends_on_keys_and_nonce_but_not_on_order_or_addresses() {
        let genesis = Genesis {
            members: vec![founder(1), founder(2)],
            terms: terms(),
            nonce: [9; 32],
        };
        let id = genesis.cluster_id();
        let mut reordered = genesis.clone();
        reordered.members.reverse();
        reordered.members[0].link = "elsewhere:1".into();
        assert_eq!(reordered.cluster_id(), id);
        let mut other_key = genesis.clone();
        other_key.members[1].key[0] ^= 1;
        assert_ne!(other_key.cluster_id(), id);
        let mut other_operator = genesis.clone();
        other_operator.terms.operator = PublicKey([7; 32]);
        assert_ne!(other_operator.cluster_id(), id);
        let mut other_nonce = genesis;
        other_nonce.nonce[0] ^= 1;
        assert_ne!(other_nonce.cluster_id(), id);
    }
}
