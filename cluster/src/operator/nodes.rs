//! The nodes of a cluster as the operator knows them: where they may be, the keys that they prove,
//! and how many have to say the same.

use std::collections::BTreeSet;

use cameo_common::api::ClusterInfo;
use cameo_common::cluster_descriptor::{Descriptor, MAX_NODES};
use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use cameo_common::statements::MAX_NODE_URL;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nodes {
    /// Where the operator says that nodes are, then where a node says so. A call is sent to the
    /// owner of a node's key alone.
    pub urls: Vec<String>,
    pub voters: Vec<NodeId>,
    pub keys: Vec<PublicKey>,
    /// t, a majority, as for clients: with fewer than t liars, one of them is honest.
    pub needed: usize,
}

impl Nodes {
    /// Of a proven descriptor, at the addresses given by the operator and by one node's answer.
    pub fn new(given: &[String], info: &ClusterInfo, descriptor: &Descriptor) -> Self {
        let mut urls = given.to_vec();
        let hints = info.nodes.iter().map(|(_, url)| url.trim_end_matches('/'));
        let hints = hints.filter(|hint| hint.len() <= MAX_NODE_URL);
        for hint in hints.take(MAX_NODES) {
            if !urls.iter().any(|url| url == hint) {
                urls.push(hint.to_owned());
            }
        }
        let keys: BTreeSet<_> = descriptor.nodes.iter().map(|node| node.key).collect();
        Self {
            urls,
            voters: descriptor.nodes.iter().map(|node| node.id).collect(),
            needed: descriptor.threshold(),
            keys: keys.into_iter().collect(),
        }
    }
}
