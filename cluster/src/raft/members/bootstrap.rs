//! How a cluster begins, once, out of empty directories, and never by itself out of a lost one.
//!
//! The node with the lowest id asks all others whether they are pristine. When all are, it draws
//! the genesis, records it on its own disk, has every other node record it, and only then
//! initialises Raft. A node serves appends and votes only to members of the cluster in its record,
//! so a node that has lost its record votes for nobody: it has forgotten its promises.
//!
//! Each node draws a token at each start. The coordinator returns it with the genesis, so a node
//! that was emptied in between notices that the question was asked of another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use tokio::time::{Instant, sleep};

use super::local_member::LocalMember;
use crate::host::rng::system_bytes;
use crate::link::{CallError, Dial, Links, Purpose, Refusal};
use crate::raft::engine::consensus::Consensus;
use crate::raft::genesis::{Genesis, GenesisMember};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{BootstrapProbe, NodeReply, NodeRequest};

/// Between rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(200);
/// For one question to one node.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// This node's part in forming.
pub(crate) struct Founder {
    /// `peers` are all founders.
    pub own: Arc<LocalMember>,
}

impl Founder {
    /// Another node says that this is the cluster. Durable before it is agreed to.
    pub async fn accept(&self, genesis: Genesis, token: [u8; 32]) -> Result<ClusterId, String> {
        self.check(&genesis, token)?;
        let cluster = self.own.record(genesis).await?;
        self.own.members.formed();
        Ok(cluster)
    }

    fn check(&self, genesis: &Genesis, token: [u8; 32]) -> Result<(), String> {
        if token != self.own.token {
            return Err("this node was restarted meanwhile; ask it again".into());
        }
        let ids: BTreeSet<NodeId> = genesis.members.iter().map(|member| member.id).collect();
        if ids.len() != genesis.members.len() || !ids.iter().eq(self.own.peers.keys()) {
            return Err(format!(
                "its --peers names the nodes {:?}, yours {ids:?}; give every node the same --peers",
                self.own.peers.keys().collect::<Vec<_>>()
            ));
        }
        if genesis.member(self.own.me.id) != Some(&self.own.me) {
            return Err("the genesis names another key or address for it".into());
        }
        Ok(())
    }

    /// Runs until this node's log has begun.
    pub async fn run(
        self: Arc<Self>,
        links: Links,
        consensus: Arc<dyn Consensus>,
        initialised: bool,
    ) {
        if initialised {
            return;
        }
        let coordinates = self.own.peers.keys().next() == Some(&self.own.me.id);
        let mut last_reason = String::new();
        while self.own.log_is_empty() {
            let why = if coordinates {
                self.coordinate(&links, &*consensus).await
            } else {
                self.look_around(&links).await
            };
            if let Some(why) = why {
                self.own.waiting(why, &mut last_reason);
            }
            if self.own.log_is_empty() {
                sleep(ROUND_PAUSE).await;
            }
        }
        self.own.log_has_begun().await;
    }

    /// One round of the coordinator; the reason why it is not done, if it is not.
    async fn coordinate(&self, links: &Links, consensus: &dyn Consensus) -> Option<String> {
        let others = match self.ask_all(links).await {
            Ok(others) => others,
            Err(why) => return Some(why),
        };
        let known = self.own.members.genesis();
        let cluster = known.as_ref().map(|genesis| genesis.cluster_id());
        for presence in others.values() {
            let id = presence.member.id;
            if !presence.empty {
                return Some(lost_directory(id));
            }
            if !presence.peers.iter().eq(self.own.peers.keys()) {
                return Some(format!(
                    "--peers of node {id} names the nodes {:?}, here it names {:?}; give every node the same --peers",
                    presence.peers,
                    self.own.peers.keys().collect::<Vec<_>>()
                ));
            }
            if presence.cluster.is_some() && presence.cluster != cluster {
                return Some(format!(
                    "node {id} belongs to a cluster that never began; empty its directory, or start it with the nodes it belongs to"
                ));
            }
        }
        let genesis = match known {
            Some(genesis) => genesis,
            None => match self.found(&others).await {
                Ok(genesis) => genesis,
                Err(why) => return Some(why),
            },
        };
        for (id, presence) in &others {
            if let Err(why) = self.have_recorded(links, &genesis, *id, presence).await {
                return Some(why);
            }
        }
        let initialised = consensus.initialise(genesis).await;
        initialised
            .err()
            .map(|error| format!("cannot begin the log: {error}"))
    }

    /// Draws the genesis out of what the others said, and records it here first.
    async fn found(
        &self,
        others: &BTreeMap<NodeId, BootstrapProbe>,
    ) -> Result<Arc<Genesis>, String> {
        let mut members: Vec<GenesisMember> = others
            .values()
            .map(|presence| presence.member.clone())
            .chain([self.own.me.clone()])
            .collect();
        members.sort_by_key(|member| member.id);
        let genesis = Genesis {
            members,
            nonce: system_bytes()?,
        };
        self.own.record(genesis).await?;
        self.own.members.formed();
        self.own
            .members
            .genesis()
            .ok_or_else(|| "the cluster was not recorded".into())
    }

    async fn have_recorded(
        &self,
        links: &Links,
        genesis: &Genesis,
        id: NodeId,
        presence: &BootstrapProbe,
    ) -> Result<(), String> {
        if genesis.member(id) != Some(&presence.member) {
            return Err(format!(
                "node {id} has another key or address than when the cluster was drawn; empty all directories and start again"
            ));
        }
        let request = NodeRequest::Form {
            genesis: genesis.clone(),
            token: presence.token,
        };
        match self.ask(links, id, &request).await? {
            NodeReply::Formed(Ok(cluster)) if cluster == genesis.cluster_id() => Ok(()),
            NodeReply::Formed(Err(why)) => Err(format!("node {id} does not join: {why}")),
            _ => Err(format!("node {id} answered something else")),
        }
    }

    /// One round of all others: they wait, and say for what.
    async fn look_around(&self, links: &Links) -> Option<String> {
        if self.own.members.genesis().is_some() {
            return None;
        }
        match self.ask_all(links).await {
            Err(why) => Some(why),
            Ok(others) => match others.values().find(|presence| !presence.empty) {
                Some(_) => Some(lost_directory(self.own.me.id)),
                None => {
                    let first = self.own.peers.keys().next().copied().unwrap_or_default();
                    Some(format!("waiting for node {first} to form the cluster"))
                }
            },
        }
    }

    async fn ask_all(&self, links: &Links) -> Result<BTreeMap<NodeId, BootstrapProbe>, String> {
        let asked = self
            .own
            .peers
            .keys()
            .filter(|id| **id != self.own.me.id)
            .map(|id| async { (*id, self.ask(links, *id, &NodeRequest::Pristine).await) });
        let mut others = BTreeMap::new();
        let mut silent = Vec::new();
        for (id, answer) in futures_util::future::join_all(asked).await {
            match answer {
                Ok(NodeReply::Pristine(presence)) if presence.member.id == id => {
                    others.insert(id, presence);
                }
                Ok(_) => silent.push(format!("node {id} answered something else")),
                Err(why) => silent.push(why),
            }
        }
        // A node that has begun its log decides the matter, whoever else is silent.
        let begun = others.values().find(|presence| !presence.empty);
        if let Some(begun) = begun.filter(|_| self.own.members.genesis().is_none()) {
            let id = begun.member.id;
            return Err(format!(
                "{} (node {id} is up)",
                lost_directory(self.own.me.id)
            ));
        }
        if silent.is_empty() {
            Ok(others)
        } else {
            Err(silent.join("; "))
        }
    }

    async fn ask(
        &self,
        links: &Links,
        id: NodeId,
        request: &NodeRequest,
    ) -> Result<NodeReply, String> {
        let Some(address) = self.own.peers.get(&id).cloned() else {
            return Err(format!("node {id} is not in --peers"));
        };
        let dial = Dial {
            node: id,
            address: address.clone(),
            purpose: Purpose::Bootstrap,
        };
        match ask(links, dial, request, Instant::now() + ASK_TIMEOUT).await {
            Ok(reply) => Ok(reply),
            Err(CallError::Refused(Refusal::Key)) => Err(lost_directory(self.own.me.id)),
            Err(CallError::Refused(refusal)) => Err(format!("node {id} at {address}: {refusal}")),
            Err(error) => Err(format!("waiting for node {id} at {address}: {error}")),
        }
    }
}

fn lost_directory(id: NodeId) -> String {
    format!(
        "the cluster has begun without this directory: node {id} is known but its directory is empty, and it will not vote, for it has forgotten its promises; restore the directory, or remove node {id} from the cluster and add it under a new id"
    )
}
