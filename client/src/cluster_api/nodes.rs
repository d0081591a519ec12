//! The nodes as this client knows them: addresses that it was given or told, which may be false,
//! servers whose keys are the cluster's, and their clocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cameo_common::api::ClusterInfo;
use cameo_common::cluster_descriptor::{Descriptor, MAX_NODES, NodeIdentity};
use cameo_common::descriptor_chain::ChainError;
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::statements::{MAX_NODE_URL, NodeAddress};

use super::address::check_url;
use super::chain::Chain;

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
    /// The same by each node's signed word, also of nodes that have left.
    stated: BTreeMap<PublicKey, NodeAddress>,
    /// A node's clock minus the local one, in milliseconds.
    clocks: BTreeMap<PublicKey, i64>,
    /// The longest one that was verified.
    chain: Option<Arc<Chain>>,
}

impl Nodes {
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            ..Self::default()
        }
    }

    /// Makes a verified chain the known one, if it goes on from that. Nodes that have left are not
    /// called any more, but for parts of older deals.
    ///
    /// # Errors
    /// [`ChainError::Older`] or [`ChainError::Fork`]: then the known one stays.
    pub fn follow(&mut self, chain: Arc<Chain>) -> Result<(), ChainError> {
        if let Some(known) = &self.chain {
            chain.extends(known)?;
        }
        self.chain = Some(chain);
        let voters: BTreeSet<PublicKey> = self.voter_list().iter().map(|node| node.key).collect();
        self.servers.retain(|server| voters.contains(&server.key));
        self.hints.retain(|key, _| voters.contains(key));
        self.clocks.retain(|key, _| voters.contains(key));
        Ok(())
    }

    /// Takes an answer at a URL by the owner of this key, whose chain was followed, and whose clock
    /// was `offset` ahead of this one.
    pub fn learn(&mut self, url: &str, key: Option<PublicKey>, info: &ClusterInfo, offset: i64) {
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

    /// Takes where a node serves. An address counts by the signature of the node, no matter who
    /// passes it on; the latest counts.
    pub fn learn_address(&mut self, info: &ClusterInfo) {
        let Ok(stated) = info.address.verify() else {
            return;
        };
        let key = stated.key;
        if self.chain().and_then(|chain| chain.node(&key)).is_none() {
            return;
        }
        let url = stated.url.trim_end_matches('/').to_owned();
        let is_newer = self
            .stated
            .get(&key)
            .is_none_or(|known| known.stated < stated.stated);
        if stated.cluster == info.cluster && is_newer && can_be_address(&url) {
            self.stated.insert(
                key,
                NodeAddress {
                    url: url.clone(),
                    ..stated
                },
            );
            if self.is_voter(&key) {
                self.learn_server(Server { url, key });
            }
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

    /// Where one of the present nodes serves, by its own word.
    pub fn server(&self, node: NodeId) -> Option<Server> {
        self.server_of_key(&self.descriptor()?.node(node)?.key)
    }

    /// Where the node of this key serves, by its own word, also when it has left.
    pub fn server_of_key(&self, key: &PublicKey) -> Option<Server> {
        self.stated.get(key).map(|stated| Server {
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
    pub fn likely_holders(&self) -> Vec<NodeIdentity> {
        let voters = self.voter_list();
        let holders = voters.iter().take(voters.len() / 2 + 1);
        holders.cloned().collect()
    }

    /// The longest chain that was verified; `None` before the first answer.
    pub fn chain(&self) -> Option<&Arc<Chain>> {
        self.chain.as_ref()
    }

    /// The newest descriptor that was verified; `None` before the first answer.
    pub fn descriptor(&self) -> Option<&Descriptor> {
        self.chain.as_ref().map(|chain| chain.newest())
    }

    fn voter_list(&self) -> &[NodeIdentity] {
        self.descriptor().map_or(&[], |newest| &newest.nodes)
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
        !self.knows_time() && self.clocks.values().any(|offset| is_far(*offset))
    }

    /// Whether each voter has proved where it is.
    pub fn are_all_proved(&self) -> bool {
        let is_proved = |node: &NodeIdentity| self.stated.contains_key(&node.key);
        self.is_verified() && self.voter_list().iter().all(is_proved)
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

/// Whether two clocks that are so far apart cannot both be about right.
pub(super) fn is_far(offset: i64) -> bool {
    offset.unsigned_abs() > DOUBTFUL_OFFSET
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
mod tests;
