//! The nodes as this client knows them: addresses that it was given or told, which may be false,
//! addresses that nodes have proved, and their clocks.

use std::collections::BTreeMap;

use cameo_common::api::ClusterInfo;
use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::ids::{Millis, NodeId};
use cameo_common::statements::{MAX_NODE_URL, NodeAddress};

use super::address::check_url;

/// Most addresses that are tried. More than there are nodes, so that false hints of one node do not
/// displace the others'.
const MAX_URLS: usize = 4 * MAX_NODES;
/// A clock that differs by more than this from the local one is compared with other nodes'.
const DOUBTFUL_OFFSET: i64 = 60_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// The one that answered last first.
    pub urls: Vec<String>,
    proved: BTreeMap<NodeId, NodeAddress>,
    /// The clock of the node at a URL minus the local one, in milliseconds.
    clocks: BTreeMap<String, i64>,
    pub voters: usize,
    pub verified: bool,
}

impl Nodes {
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            ..Self::default()
        }
    }

    /// Takes a verified answer of the node at a URL, whose clock was `offset` ahead of this one.
    pub fn learn(&mut self, url: &str, info: &ClusterInfo, offset: i64) {
        self.learn_address(info);
        for (_, hint) in &info.nodes {
            self.learn_url(hint.trim_end_matches('/'));
        }
        self.clocks.insert(url.to_owned(), offset);
        self.voters = info
            .descriptors
            .last()
            .map_or(0, |newest| newest.nodes.len());
        self.verified = true;
    }

    /// An address counts by the signature of the node, no matter who passes it on; the latest
    /// counts.
    fn learn_address(&mut self, info: &ClusterInfo) {
        let Ok(stated) = info.address.verify() else {
            return;
        };
        let mut nodes = info.descriptors.iter().flat_map(|known| &known.nodes);
        let Some(node) = nodes.find(|node| node.key == stated.key) else {
            return;
        };
        let url = stated.url.trim_end_matches('/').to_owned();
        let is_newer = self
            .proved
            .get(&node.id)
            .is_none_or(|known| known.stated < stated.stated);
        if stated.cluster == info.cluster && is_newer && self.learn_url(&url) {
            self.proved.insert(node.id, NodeAddress { url, ..stated });
        }
    }

    /// False when it cannot be an address.
    fn learn_url(&mut self, url: &str) -> bool {
        if url.len() > MAX_NODE_URL || check_url(url).is_err() {
            return false;
        }
        if !self.urls.iter().any(|known| known == url) && self.urls.len() < MAX_URLS {
            self.urls.push(url.to_owned());
        }
        true
    }

    /// Where a node serves, by its own word.
    pub fn address(&self, node: NodeId) -> Option<String> {
        self.proved.get(&node).map(|known| known.url.clone())
    }

    pub fn proved_urls(&self) -> Vec<String> {
        self.proved
            .values()
            .map(|known| known.url.clone())
            .collect()
    }

    /// The cluster's clock minus the local one: the median of the nodes that were asked, so that
    /// one node alone does not move it; of two, the one nearer to the local clock.
    pub fn clock_offset(&self) -> i64 {
        let mut offsets: Vec<i64> = self.clocks.values().copied().collect();
        offsets.sort_unstable();
        let (low, high) = (offsets.len().saturating_sub(1) / 2, offsets.len() / 2);
        match (offsets.get(low), offsets.get(high)) {
            (Some(low), Some(high)) if low.unsigned_abs() <= high.unsigned_abs() => *low,
            (_, Some(high)) => *high,
            _ => 0,
        }
    }

    /// Whether other nodes have to be asked for the time.
    pub fn is_clock_doubtful(&self) -> bool {
        !self.knows_time() && self.clock_offset().abs() > DOUBTFUL_OFFSET
    }

    /// Whether each voter has proved where it is.
    pub fn are_all_proved(&self) -> bool {
        self.verified && self.proved.len() >= self.voters
    }

    /// Whether a majority has been asked for the time.
    pub fn knows_time(&self) -> bool {
        self.verified && self.clocks.len() > self.voters / 2
    }

    /// Whether a node has been asked for the time.
    pub fn has_asked_time(&self) -> bool {
        !self.clocks.is_empty()
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
    use super::*;

    fn clocks(offsets: &[i64]) -> i64 {
        let mut nodes = Nodes::default();
        for (number, offset) in offsets.iter().enumerate() {
            nodes.clocks.insert(number.to_string(), *offset);
        }
        nodes.clock_offset()
    }

    #[test]
    fn attack_one_node_alone_does_not_move_the_clock() {
        assert_eq!(clocks(&[]), 0);
        assert_eq!(clocks(&[7]), 7);
        assert_eq!(clocks(&[i64::MAX, 7]), 7);
        assert_eq!(clocks(&[i64::MIN, -7]), -7);
        assert_eq!(clocks(&[i64::MAX, 7, 8]), 8);
        assert_eq!(clocks(&[i64::MIN, 7, 8]), 7);
    }
}
