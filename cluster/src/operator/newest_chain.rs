//! The newest chain of a cluster's descriptors: the longest that any of the nodes shows.
//!
//! A node that is behind shows an older one, and a change that is made by it is refused, or is made
//! twice. No chain is believed but by its signatures, so every URL may be asked.

use std::sync::Arc;

use cameo_common::api::{ClusterInfo, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::{ChainError, DescriptorChain, Descriptors, KnownDescriptor};
use cameo_common::ids::ClusterId;
use cameo_common::keys::SigningKey;
use cameo_common::signed::Strict;
use futures_util::future::join_all;

use super::call::{Ends, get, send};
use super::nodes::Nodes;

/// Rounds of questions: the newest chain may name nodes that the ones before did not.
const MAX_ROUNDS: usize = 3;

/// Two chains of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url} shows another descriptor {number} than the other nodes do, and both are signed: there \
     are two chains. Nothing was changed. Stop the nodes, and find out who has used the operator's \
     key"
)]
pub struct ForkedChain {
    pub url: String,
    pub number: u64,
}

/// The longest chain of those that nodes show, and its nodes.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    cluster: ClusterId,
    chain: DescriptorChain,
    pub descriptors: Descriptors,
    pub nodes: Nodes,
}

impl Newest {
    /// What a node shows that answers at one of these URLs.
    ///
    /// # Errors
    /// When it does not prove this cluster.
    pub fn of(cluster: ClusterId, given: &[String], told: ClusterInfo) -> Result<Self, ChainError> {
        let chain = told.descriptors.verify(&Strict, cluster)?;
        Ok(Self {
            cluster,
            nodes: Nodes::new(given, &told, chain.newest()),
            chain,
            descriptors: told.descriptors,
        })
    }

    /// The newest descriptor.
    pub fn descriptor(&self) -> &Descriptor {
        self.chain.newest()
    }

    /// Asks all nodes, and goes on to the longest chain.
    ///
    /// # Errors
    /// [`ForkedChain`] when two of them show different ones.
    pub async fn ask_all(mut self, key: &Arc<SigningKey>) -> Result<Self, ForkedChain> {
        let mut asked = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let urls = self.nodes.urls.iter();
            let urls: Vec<_> = urls.filter(|url| !asked.contains(*url)).cloned().collect();
            if urls.is_empty() {
                break;
            }
            let told = join_all(urls.iter().map(|url| shown(key, url))).await;
            for (url, told) in urls.iter().zip(told) {
                if let Some(told) = told {
                    self.take(url, told)?;
                }
            }
            asked.extend(urls);
        }
        Ok(self)
    }

    /// Takes a chain that goes on from this one, and ignores an older one, or what proves nothing.
    fn take(&mut self, url: &str, told: ClusterInfo) -> Result<(), ForkedChain> {
        let Ok(chain) = told.descriptors.verify(&Strict, self.cluster) else {
            return Ok(());
        };
        let (own, other) = (self.chain.newest(), chain.newest());
        let is_longer = other.number > own.number;
        let (longer, shorter) = match is_longer {
            true => (&chain, own),
            false => (&self.chain, other),
        };
        let forked = |_| ForkedChain {
            url: url.to_owned(),
            number: shorter.number,
        };
        longer
            .extends(&KnownDescriptor::of(shorter))
            .map_err(forked)?;
        if is_longer {
            self.nodes = Nodes::new(&self.nodes.urls, &told, other);
            self.descriptors = told.descriptors;
            self.chain = chain;
        }
        Ok(())
    }
}

/// What a URL shows, if it answers.
async fn shown(key: &Arc<SigningKey>, url: &str) -> Option<ClusterInfo> {
    let ends = Ends {
        operator: key,
        nodes: None,
    };
    let answer = send(url, &get(paths::CLUSTER), ends).await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::cluster_descriptor::NodeIdentity;
    use cameo_common::descriptor_chain::{DescriptorLink, Succession};
    use cameo_common::ids::{Hash, Millis, NodeId};
    use cameo_common::keys::SealingPublic;
    use cameo_common::registration::RegistrationMode;
    use cameo_common::signed::Signed;

    use super::*;

    const OPERATOR: u8 = 8;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn nodes(ids: impl IntoIterator<Item = u8>) -> Vec<NodeIdentity> {
        let node = |id: u8| NodeIdentity {
            id: NodeId(u64::from(id)),
            key: key(id).public(),
            sealing: SealingPublic([id; 32]),
        };
        ids.into_iter().map(node).collect()
    }

    /// A chain of which each later descriptor has the nodes from 1 on.
    fn chain(lasts: &[u8]) -> Descriptors {
        let (operator, mode) = (key(OPERATOR).public(), RegistrationMode::Open);
        let first = Descriptor::genesis(nodes(1..=3), operator, mode, Hash([3; 32]));
        let cluster = first.founds().unwrap();
        let mut descriptors = Descriptors::of_first(first);
        for last in lasts {
            let previous = descriptors.newest();
            let next = previous.successor(nodes(1..=*last));
            let signed = |seed: u8| {
                let succession = Succession {
                    cluster,
                    previous: previous.hash(),
                    next: next.hash(),
                    signer: key(seed).public(),
                };
                Signed::new(&key(seed), succession)
            };
            let link = DescriptorLink {
                operator: signed(OPERATOR),
                voters: vec![signed(1), signed(2), signed(3)],
                descriptor: next.clone(),
            };
            descriptors.links.push(link);
        }
        descriptors
    }

    fn told(descriptors: Descriptors, url: &str) -> ClusterInfo {
        ClusterInfo {
            schema: 1,
            cluster: chain(&[]).first.founds().unwrap(),
            descriptors,
            address: Signed::from_bytes(Vec::new()),
            nodes: vec![(NodeId(1), url.to_owned())],
            now: Millis(0),
        }
    }

    fn known(descriptors: Descriptors) -> Newest {
        let cluster = descriptors.first.founds().unwrap();
        Newest::of(cluster, &[], told(descriptors, "https://one:1")).unwrap()
    }

    #[test]
    fn the_longest_chain_is_taken_whichever_node_answers_first() {
        let (older, newer) = (chain(&[4]), chain(&[4, 5]));
        // given a node that is behind, when another shows more, then that is taken, with its nodes
        let mut newest = known(older.clone());
        newest
            .take("u", told(newer.clone(), "https://two:2"))
            .unwrap();
        assert_eq!(newest.descriptors, newer);
        assert_eq!(newest.nodes.voters.len(), 5);
        assert_eq!(newest.nodes.urls, ["https://one:1", "https://two:2"]);
        // and one that is behind changes nothing
        newest.take("u", told(older, "https://three:3")).unwrap();
        assert_eq!(newest.descriptors, newer);
        assert_eq!(newest.nodes.urls.len(), 2);
    }

    #[test]
    fn attack_two_chains_are_refused_and_one_that_is_not_signed_is_not_seen() {
        for (known_links, shown) in [
            (vec![4], vec![5]),
            (vec![4, 5], vec![5]),
            (vec![4], vec![5, 6]),
        ] {
            let mut newest = known(chain(&known_links));
            let refused = newest.take("u", told(chain(&shown), "https://two:2"));
            assert_eq!(refused.unwrap_err().number, 1);
        }
        let mut unsigned = chain(&[4, 5]);
        unsigned.links[1].voters.truncate(1);
        let mut newest = known(chain(&[4]));
        newest.take("u", told(unsigned, "https://two:2")).unwrap();
        assert_eq!(newest.descriptors, chain(&[4]));
    }
}
