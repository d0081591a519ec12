//! Genesis of a cluster: its founding nodes and a nonce.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::predecessor::{Beginning, Predecessor};
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
#[serde(from = "TermsBody", into = "TermsBody")]
pub struct GenesisTerms {
    /// The operator's public key, from the secret file.
    pub operator: PublicKey,
    /// Who may register when the cluster begins.
    pub registration: RegistrationMode,
    /// The state that it begins from: that of the backup which each founder has.
    pub predecessor: Option<Predecessor>,
}

/// The encoding of [`GenesisTerms`], on links and in the record of a node.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct TermsBody {
    operator: PublicKey,
    registration: Beginning,
}

impl From<TermsBody> for GenesisTerms {
    fn from(body: TermsBody) -> Self {
        let (registration, predecessor) = body.registration.parts();
        Self {
            operator: body.operator,
            registration,
            predecessor,
        }
    }
}

impl From<GenesisTerms> for TermsBody {
    fn from(terms: GenesisTerms) -> Self {
        Self {
            operator: terms.operator,
            registration: Beginning::new(terms.registration, terms.predecessor),
        }
    }
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
        if self.predecessor != other.predecessor {
            return Err(format!(
                "{}; prepare the folder of every node with the same backup (`cameod restore`)",
                Self::differing(self.predecessor.as_ref(), other.predecessor.as_ref(), id)
            ));
        }
        Ok(())
    }

    fn differing(ours: Option<&Predecessor>, other: Option<&Predecessor>, id: NodeId) -> String {
        match (ours, other) {
            (Some(_), None) => format!("this node begins from a backup, and node {id} does not"),
            (None, _) => format!("node {id} begins from a backup, and this node does not"),
            (Some(ours), Some(other)) if ours.state == other.state => {
                format!("node {id} reads the same backup by a program of another version")
            }
            (Some(_), Some(_)) => format!("node {id} begins from another backup than this node"),
        }
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
            predecessor,
        } = self.terms;
        let nodes = nodes.collect();
        let descriptor = Descriptor::genesis(nodes, operator, registration, Hash(self.nonce));
        match predecessor {
            Some(predecessor) => descriptor.after(predecessor),
            None => descriptor,
        }
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
            predecessor: None,
        }
    }

    fn backup(state: u8) -> Predecessor {
        Predecessor {
            cluster: ClusterId([1; 32]),
            index: 300,
            state: Hash([state; 32]),
            content: Hash([4; 32]),
        }
    }

    #[test]
    fn founders_with_other_backups_form_no_cluster() {
        let of = |predecessor| GenesisTerms {
            predecessor,
            ..terms()
        };
        let (one, other) = (of(Some(backup(2))), of(Some(backup(3))));
        let cases = [
            (
                one,
                of(None),
                "this node begins from a backup, and node 2 does not",
            ),
            (
                of(None),
                one,
                "node 2 begins from a backup, and this node does not",
            ),
            (one, other, "node 2 begins from another backup"),
        ];
        assert_eq!(one.check(&one, NodeId(2)), Ok(()));
        for (ours, theirs, expected) in cases {
            let why = ours.check(&theirs, NodeId(2)).unwrap_err();
            assert!(why.starts_with(expected), "{why}");
        }
    }

    #[test]
    fn the_predecessor_is_part_of_the_cluster_s_id() {
        let genesis = |predecessor| Genesis {
            members: vec![founder(1)],
            terms: GenesisTerms {
                predecessor,
                ..terms()
            },
            nonce: [9; 32],
        };
        let (none, one) = (genesis(None), genesis(Some(backup(2))));
        assert_ne!(one.cluster_id(), none.cluster_id());
        assert_ne!(one.cluster_id(), genesis(Some(backup(3))).cluster_id());
        assert_eq!(one.descriptor().predecessor, Some(backup(2)));
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
