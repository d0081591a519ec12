//! The seam between nodes: renewals of leases, as a node sends them to the leader.
//!
//! A node that holds streams collects their keep-alives for a while and sends the leader one call
//! for all. Here this program sends it, over a link of its own under the key of a node that does
//! not lead: to the leader it is one more connection of that node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use cameo_cluster::link::{Identity, KnownKey, KnownMembers, Lane, Links, NodeKeys, TcpTransport};
use cameo_cluster::node_rpc::{self, NodeAnswer, NodeCall};
use cameo_cluster::presence::{BATCH_DELAY, MAX_BATCH};
use cameo_cluster::raft::{app_reply, app_request};
use cameo_common::api::KEEP_ALIVE;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::PublicKey;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::clusters::ours::LinkEnd;

/// For the leader's answer to a batch, as a node has it.
const RENEW_DEADLINE: Duration = Duration::from_secs(3);
/// Pause between two rounds over the nodes while none leads.
const LEADER_RETRY: Duration = Duration::from_millis(25);

/// A device and the epoch of its session.
pub type Session = (PublicKey, u64);

/// Version of the calls that this module speaks: the nodes refuse any other.
pub const VERSION: u16 = node_rpc::VERSION;

/// Links to all nodes, under the keys of each.
#[derive(Debug)]
pub struct Seam {
    ends: Vec<LinkEnd>,
    /// By the node whose key is shown.
    links: BTreeMap<NodeId, Links>,
    leader: usize,
}

/// The members, which stay the same here.
struct Members {
    cluster: ClusterId,
    keys: BTreeMap<NodeId, [u8; 32]>,
}

impl KnownMembers for Members {
    fn cluster(&self) -> Option<ClusterId> {
        Some(self.cluster)
    }

    fn key_of(&self, node: NodeId) -> KnownKey {
        match self.keys.get(&node) {
            Some(key) => KnownKey::Is(*key),
            None => KnownKey::Unknown,
        }
    }
}

impl Seam {
    /// Links between these nodes, on the current runtime.
    ///
    /// # Errors
    /// When a node's keys cannot be read.
    pub fn new(cluster: ClusterId, ends: Vec<LinkEnd>) -> anyhow::Result<Self> {
        ensure!(ends.len() > 1, "a leader, and a node to call it as");
        let mut keys = BTreeMap::new();
        for end in &ends {
            let of_node = NodeKeys::load(&end.keys)?.context("a node's keys")?;
            keys.insert(end.node, Arc::new(of_node));
        }
        let known = keys.iter().map(|(node, keys)| (*node, keys.public()));
        let members: Arc<dyn KnownMembers> = Arc::new(Members {
            cluster,
            keys: known.collect(),
        });
        let mut links = BTreeMap::new();
        for (node, keys) in keys {
            let identity = Identity {
                node,
                keys,
                secret: None,
                members: members.clone(),
            };
            let transport = TcpTransport::shared();
            links.insert(node, Links::new(identity, transport, Handle::current())?);
        }
        Ok(Self {
            ends,
            links,
            leader: 0,
        })
    }

    /// Renews all of these once in [`KEEP_ALIVE`], round after round, in batches as large as nodes
    /// would send, evenly spread.
    ///
    /// # Errors
    /// When no leader accepts a batch in time, or a session has ended: it returns for nothing else.
    pub async fn keep_renewing(
        mut self,
        sessions: impl Fn() -> Vec<Session>,
    ) -> anyhow::Result<()> {
        loop {
            let began = Instant::now();
            let all = sessions();
            let size = batch_size(all.len(), self.ends.len());
            let slot = KEEP_ALIVE.div_f64(all.len().div_ceil(size).max(1) as f64);
            for (at, batch) in all.chunks(size).enumerate() {
                sleep_until(began + slot.mul_f64(at as f64)).await;
                let running = self.renew(batch).await?;
                let ended = running.iter().filter(|runs| !**runs).count();
                ensure!(ended == 0, "{ended} sessions of a batch have ended");
            }
            sleep_until(began + KEEP_ALIVE).await;
        }
    }

    /// Renews these sessions, at most [`MAX_BATCH`]. Returns which of them run.
    ///
    /// # Errors
    /// When no leader accepts it in time.
    pub async fn renew(&mut self, sessions: &[Session]) -> anyhow::Result<Vec<bool>> {
        let call = app_request(node_rpc::encode(&NodeCall::Renew(sessions.to_vec())));
        let deadline = Instant::now() + RENEW_DEADLINE;
        while Instant::now() < deadline {
            match self.try_leader(&call, deadline).await {
                Ok(NodeAnswer::Renewed(runs)) => {
                    ensure!(runs.len() == sessions.len(), "an answer for each session");
                    return Ok(runs);
                }
                Ok(NodeAnswer::Misunderstood) => {
                    bail!("the nodes do not speak version {VERSION} of calls between nodes");
                }
                Ok(_) | Err(_) => self.leader = (self.leader + 1) % self.ends.len(),
            }
            if self.leader == 0 {
                tokio::time::sleep(LEADER_RETRY).await;
            }
        }
        bail!("no leader accepted a batch of renewals within {RENEW_DEADLINE:?}")
    }

    /// Calls the node that led at the last call, as another one.
    async fn try_leader(&self, call: &[u8], deadline: Instant) -> anyhow::Result<NodeAnswer> {
        let leader = self.ends.get(self.leader).context("such a node")?;
        let mut others = self.links.iter();
        let links = others.find(|(node, _)| **node != leader.node);
        let (_, links) = links.context("a node that does not lead")?;
        let link = links.member(leader.node, &leader.address, Lane::App);
        let reply = link.call(call, deadline).await?;
        let answer = app_reply(&reply)?;
        node_rpc::decode(&answer).context("an answer between nodes")
    }
}

/// How many keep-alives a node collects before it sends them, of so many sessions on all nodes.
fn batch_size(sessions: usize, nodes: usize) -> usize {
    let of_one = sessions.div_ceil(nodes.max(1)) as f64;
    let collected = of_one * BATCH_DELAY.as_secs_f64() / KEEP_ALIVE.as_secs_f64();
    (collected.ceil() as usize).clamp(1, MAX_BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_what_a_node_collects_and_no_more_than_it_sends() {
        assert_eq!(batch_size(0, 3), 1);
        assert_eq!(batch_size(40, 3), 1);
        assert_eq!(batch_size(90_000, 3), 120);
        assert_eq!(batch_size(10_000_000, 3), MAX_BATCH);
    }
}
