//! The nodes as this client knows them: addresses that it was given or told, which may be false,
//! servers whose keys are the cluster's, and their clocks.

use std::collections::BTreeMap;

use cameo_common::api::ClusterInfo;
use cameo_common::cluster_descriptor::{Descriptor, MAX_NODES, NodeIdentity};
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::statements::{MAX_NODE_URL, NodeAddress};

use super::address::check_url;

/// Most addresses of one node that are kept, so that none displaces another node's.
const MAX_SERVERS_OF_ONE: usize = 4;
/// A clock that differs by more than this from the local one is compared with other nodes'.
const DOUBTFUL_OFFSET: u64 = 60_000;

/// An address, and the key of the node that has to answer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub url: String,
    pub key: PublicKey,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Where a node may be, as the home says.
    urls: Vec<String>,
    /// The same as each node says of the others, each within its own bound.
    hints: BTreeMap<PublicKey, Vec<String>>,
    /// Where a node has said that it is, or has proved it; the one that answered last first.
    servers: Vec<Server>,
    stated: BTreeMap<NodeId, NodeAddress>,
    /// A node's clock minus the local one, in milliseconds.
    clocks: BTreeMap<PublicKey, i64>,
    /// The newest one that was verified.
    descriptor: Option<Descriptor>,
}

impl Nodes {
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            ..Self::default()
        }
    }

    /// Takes a verified answer at a URL by the owner of this key, whose clock was `offset` ahead of
    /// this one.
    pub fn learn(&mut self, url: &str, key: Option<PublicKey>, info: &ClusterInfo, offset: i64) {
        self.descriptor = Some(info.descriptors.newest().clone());
        if let Some(key) = key.filter(|key| self.is_voter(key)) {
            let url = url.to_owned();
            self.learn_server(Server { url, key });
            self.clocks.insert(key, offset);
            let hints = info
                .nodes
                .iter()
                .map(|(_, hint)| hint.trim_end_matches('/'));
            let hints = hints.filter(|hint| can_be_address(hint)).take(MAX_NODES);
            self.hints.insert(key, hints.map(str::to_owned).collect());
        }
        self.learn_address(info);
    }

    /// An address counts by the signature of the node, no matter who passes it on; the latest
    /// counts.
    fn learn_address(&mut self, info: &ClusterInfo) {
        let Ok(stated) = info.address.verify() else {
            return;
        };
        let Some(node) = self.voter_list().iter().find(|node| node.key == stated.key) else {
            return;
        };
        let node = node.id;
        let (url, key) = (stated.url.trim_end_matches('/').to_owned(), stated.key);
        let is_newer = self
            .stated
            .get(&node)
            .is_none_or(|known| known.stated < stated.stated);
        if stated.cluster == info.cluster && is_newer && can_be_address(&url) {
            self.stated.insert(
                node,
                NodeAddress {
                    url: url.clone(),
                    ..stated
                },
            );
            self.learn_server(Server { url, key });
        }
    }

    fn learn_server(&mut self, server: Server) {
        if self.servers.contains(&server) {
            return;
        }
        let of_this_node = |known: &Server| known.key == server.key;
        let known = self.servers.iter().filter(|known| of_this_node(known));
        if known.count() >= MAX_SERVERS_OF_ONE
            && let Some(last) = self.servers.iter().rposition(of_this_node)
        {
            self.servers.remove(last);
        }
        self.servers.push(server);
    }

    /// Makes the next call start with this one.
    pub fn prefer(&mut self, server: &Server) {
        if let Some(at) = self.servers.iter().position(|known| known == server) {
            let server = self.servers.remove(at);
            self.servers.insert(0, server);
        }
    }

    /// Makes calls try the addresses of this node after all others.
    pub fn put_last(&mut self, node: PublicKey) {
        self.servers.sort_by_key(|known| known.key == node);
    }

    /// Where a node serves, by its own word.
    pub fn server(&self, node: NodeId) -> Option<Server> {
        self.stated.get(&node).map(|stated| Server {
            url: stated.url.clone(),
            key: stated.key,
        })
    }

    pub fn servers(&self) -> Vec<Server> {
        self.servers.clone()
    }

    /// Where a node may be, with those first that have answered.
    pub fn urls(&self) -> Vec<String> {
        let mut urls = self.proved_urls();
        for url in self.urls.iter().chain(self.hints.values().flatten()) {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
        }
        urls
    }

    pub fn proved_urls(&self) -> Vec<String> {
        let mut urls: Vec<String> = Vec::new();
        for server in &self.servers {
            if !urls.contains(&server.url) {
                urls.push(server.url.clone());
            }
        }
        urls
    }

    /// See [`super::ClusterApi::likely_holders`].
    pub fn likely_holders(&self) -> Vec<NodeId> {
        let mut ids: Vec<_> = self.voter_list().iter().map(|node| node.id).collect();
        ids.sort_unstable();
        ids.truncate(ids.len() / 2 + 1);
        ids
    }

    /// The newest descriptor that was verified; `None` before the first answer.
    pub fn descriptor(&self) -> Option<&Descriptor> {
        self.descriptor.as_ref()
    }

    fn voter_list(&self) -> &[NodeIdentity] {
        self.descriptor.as_ref().map_or(&[], |newest| &newest.nodes)
    }

    /// The number of voters; 0 before the first answer.
    pub fn voters(&self) -> usize {
        self.voter_list().len()
    }

    /// Whether this is the key of a voter.
    pub fn is_voter(&self, key: &PublicKey) -> bool {
        self.voter_list().iter().any(|node| node.key == *key)
    }

    /// Whether a node of the cluster has answered.
    pub fn is_verified(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The cluster's clock minus the local one: the median of a majority's, so that one node alone
    /// does not move it. Before so many have been asked, the local clock counts.
    pub fn clock_offset(&self) -> i64 {
        if self.knows_time() {
            median(self.clocks.values().copied().collect())
        } else {
            0
        }
    }

    /// Whether other nodes have to be asked for the time: one says that the local clock is wrong.
    pub fn is_clock_doubtful(&self) -> bool {
        let is_far = |offset: &i64| offset.unsigned_abs() > DOUBTFUL_OFFSET;
        !self.knows_time() && self.clocks.values().any(is_far)
    }

    /// Whether each voter has proved where it is.
    pub fn are_all_proved(&self) -> bool {
        self.is_verified() && self.stated.len() >= self.voters()
    }

    /// Whether a majority has been asked for the time.
    pub fn knows_time(&self) -> bool {
        self.is_verified() && self.clocks.len() > self.voters() / 2
    }

    #[cfg(test)]
    pub fn shift_clocks(&mut self, by: i64) {
        for offset in self.clocks.values_mut() {
            *offset += by;
        }
    }

    /// Forgets the clocks: the local one may have been set.
    pub fn forget_clocks(&mut self) {
        self.clocks.clear();
    }
}

/// Of two, the one nearer to the local clock.
fn median(mut offsets: Vec<i64>) -> i64 {
    offsets.sort_unstable();
    let (low, high) = (offsets.len().saturating_sub(1) / 2, offsets.len() / 2);
    match (offsets.get(low), offsets.get(high)) {
        (Some(low), Some(high)) if low.unsigned_abs() <= high.unsigned_abs() => *low,
        (_, Some(high)) => *high,
        _ => 0,
    }
}

fn can_be_address(url: &str) -> bool {
    url.len() <= MAX_NODE_URL && check_url(url).is_ok()
}

/// A node's clock minus the local one, if its answer took from `asked` to `answered` on the local
/// clock and was made half-way.
pub(super) fn offset(node: Millis, asked: Millis, answered: Millis) -> i64 {
    let here = asked.0.midpoint(answered.0);
    let (there, here) = (i64::try_from(node.0), i64::try_from(here));
    there
        .unwrap_or(i64::MAX)
        .saturating_sub(here.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::cluster_descriptor::Descriptor;
    use cameo_common::descriptor_chain::Descriptors;
    use cameo_common::ids::Hash;
    use cameo_common::keys::SealingPublic;
    use cameo_common::registration::RegistrationMode;
    use cameo_common::signed::Signed;

    use super::*;

    /// What a node of a cluster of two says, with so many hints.
    fn told(hints: std::ops::Range<usize>) -> ClusterInfo {
        let node = |number: u8| NodeIdentity {
            id: NodeId(u64::from(number)),
            key: PublicKey([number; 32]),
            sealing: SealingPublic([number; 32]),
        };
        let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Open);
        let nodes = vec![node(1), node(2)];
        let descriptor = Descriptor::genesis(nodes, operator, mode, Hash([3; 32]));
        ClusterInfo {
            schema: 1,
            cluster: descriptor.founds().unwrap(),
            descriptors: Descriptors::of_first(descriptor),
            address: Signed::from_bytes(Vec::new()),
            nodes: hints
                .map(|n| (NodeId(1), format!("https://n{n}")))
                .collect(),
            now: Millis::EPOCH,
        }
    }

    #[test]
    fn attack_false_hints_of_one_node_or_of_a_stranger_displace_no_other() {
        let mut nodes = Nodes::new(vec!["https://first".to_owned()]);
        // given a node that names a thousand addresses, and a stranger that repeats the descriptor
        nodes.learn("https://liar", Some(PublicKey([1; 32])), &told(0..1_000), 0);
        nodes.learn(
            "https://stranger",
            Some(PublicKey([9; 32])),
            &told(2_000..2_001),
            0,
        );
        // when another node names one
        nodes.learn(
            "https://honest",
            Some(PublicKey([2; 32])),
            &told(3_000..3_001),
            0,
        );
        // then that one is tried, and of the liar's a few
        let urls = nodes.urls();
        assert!(urls.contains(&"https://n3000".to_owned()));
        assert!(!urls.contains(&"https://n2000".to_owned()));
        assert!(urls.len() <= 4 + MAX_NODES, "{}", urls.len());
    }

    #[test]
    fn attack_one_node_with_many_addresses_displaces_no_other() {
        let mut nodes = Nodes::default();
        let at = |url: usize, key: u8| Server {
            url: format!("https://n{url}"),
            key: PublicKey([key; 32]),
        };
        for url in 0..1_000 {
            nodes.learn_server(at(url, 1));
        }
        nodes.learn_server(at(7, 2));
        assert_eq!(nodes.servers.len(), MAX_SERVERS_OF_ONE + 1);
        // then the others' are there, and the newest of its own
        assert!(nodes.servers.contains(&at(7, 2)) && nodes.servers.contains(&at(999, 1)));
    }

    #[test]
    fn attack_one_node_alone_does_not_move_the_clock() {
        assert_eq!(median(vec![]), 0);
        assert_eq!(median(vec![7]), 7);
        assert_eq!(median(vec![i64::MAX, 7]), 7);
        assert_eq!(median(vec![i64::MIN, -7]), -7);
        assert_eq!(median(vec![i64::MAX, 7, 8]), 8);
        assert_eq!(median(vec![i64::MIN, 7, 8]), 7);
        // and not at all before a majority has been asked
        let mut nodes = Nodes::default();
        nodes.learn(
            "https://liar",
            Some(PublicKey([1; 32])),
            &told(0..0),
            50_000,
        );
        assert_eq!(nodes.clock_offset(), 0);
        nodes.learn("https://other", Some(PublicKey([2; 32])), &told(0..0), 7);
        assert_eq!(nodes.clock_offset(), 7);
    }
}
