//! Bootstrap of a new cluster: once, from empty directories, and never by itself after a loss.
//!
//! The node with the lowest id asks all others whether they are pristine. When all are, it makes
//! the genesis, records it on its own disk, has every other node record it, and only then
//! initialises Raft. A node serves appends and votes only for members of the cluster in its record.
//! So a node that has lost its record never votes: its earlier votes are lost as well.
//!
//! Each node draws a random token at each start. The coordinator returns it with the genesis, so a
//! node that was emptied in between detects that an earlier process was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use tokio::time::{Instant, sleep};

use super::local_member::LocalMember;
use crate::host::lost_folder::LOST_FOLDER;
use crate::host::rng::system_bytes;
use crate::link::{CallError, Dial, Links, Purpose, Refusal};
use crate::raft::engine::consensus::Consensus;
use crate::raft::genesis::{Genesis, GenesisMember, GenesisTerms};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{BootstrapProbe, NodeReply, NodeRequest};

/// Pause between rounds of requests.
const ROUND_PAUSE: Duration = Duration::from_millis(200);
/// Time limit for one request to one node.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// This node's part in the bootstrap.
pub(crate) struct Founder {
    /// All of its `peers` are founders.
    pub local: Arc<LocalMember>,
    pub terms: GenesisTerms,
}

impl Founder {
    /// Accepts the genesis from the coordinator. Durable before it returns.
    pub async fn accept(&self, genesis: Genesis, token: [u8; 32]) -> Result<ClusterId, String> {
        self.check(&genesis, token)?;
        let cluster = self.local.record(genesis).await?;
        self.local.members.set_formed();
        Ok(cluster)
    }

    fn check(&self, genesis: &Genesis, token: [u8; 32]) -> Result<(), String> {
        if token != self.local.token {
            return Err("this node has restarted meanwhile; try again".into());
        }
        let ids: BTreeSet<NodeId> = genesis.members.iter().map(|member| member.id).collect();
        if ids.len() != genesis.members.len() || !ids.iter().eq(self.local.peers.keys()) {
            return Err(format!(
                "its --peers has the nodes {}, yours {}; give every node the same --peers",
                listed(self.local.peers.keys()),
                listed(&ids)
            ));
        }
        let other = genesis
            .members
            .iter()
            .find_map(|one| self.other_address(one));
        if let Some(why) = other {
            return Err(why);
        }
        if genesis.terms != self.terms {
            return Err(
                "its secret file has another operator's key, or its --registration or its backup \
                 differs; give every node the same"
                    .into(),
            );
        }
        if genesis.member(self.local.me.id) != Some(&self.local.me) {
            return Err("the genesis has another key or address for it".into());
        }
        Ok(())
    }

    /// What to do about another address of a founder than in this node's `--peers`, which could
    /// not be corrected once the cluster is formed.
    fn other_address(&self, founder: &GenesisMember) -> Option<String> {
        let (id, me) = (founder.id, self.local.me.id);
        let given = self.local.peers.get(&id);
        let given = given.filter(|given| **given != founder.link)?;
        Some(format!(
            "node {id} is at {} by its own --peers, and at {given} by that of node {me}; give \
             every node the same --peers",
            founder.link
        ))
    }

    /// Runs until this node's log begins.
    pub async fn run(
        self: Arc<Self>,
        links: Links,
        consensus: Arc<dyn Consensus>,
        initialised: bool,
    ) {
        if initialised {
            return;
        }
        let is_coordinator = self.local.peers.keys().next() == Some(&self.local.me.id);
        let mut last_reason = String::new();
        while self.local.log_is_empty() {
            let why = if is_coordinator {
                self.coordinate(&links, &*consensus).await
            } else {
                self.check_others(&links).await
            };
            if let Some(why) = why {
                self.local.report_waiting(why, &mut last_reason);
            }
            if self.local.log_is_empty() {
                sleep(ROUND_PAUSE).await;
            }
        }
        self.local.record_log_begun().await;
    }

    /// One round of the coordinator. Returns the reason why the bootstrap is not done, if it is
    /// not.
    async fn coordinate(&self, links: &Links, consensus: &dyn Consensus) -> Option<String> {
        let others = match self.ask_all(links).await {
            Ok(others) => others,
            Err(why) => return Some(why),
        };
        let known = self.local.members.genesis();
        let cluster = known.as_ref().map(|genesis| genesis.cluster_id());
        for probe in others.values() {
            let id = probe.member.id;
            if !probe.empty {
                return Some(lost_directory(id));
            }
            if !probe.peers.iter().eq(self.local.peers.keys()) {
                return Some(format!(
                    "--peers of node {id} has the nodes {}, here it has {}; \
                     give every node the same --peers",
                    listed(&probe.peers),
                    listed(self.local.peers.keys())
                ));
            }
            if let Some(why) = self.other_address(&probe.member) {
                return Some(why);
            }
            let Some(terms) = &probe.terms else {
                return Some(format!(
                    "node {id} was started as a worker: start it without --worker"
                ));
            };
            if let Err(why) = self.terms.check(terms, id) {
                return Some(why);
            }
            if probe.cluster.is_some() && probe.cluster != cluster {
                return Some(format!(
                    "node {id} belongs to a cluster that never began; \
                     empty its directory, or start it with the nodes it belongs to"
                ));
            }
        }
        let genesis = match known {
            Some(genesis) => genesis,
            None => match self.make_genesis(&others).await {
                Ok(genesis) => genesis,
                Err(why) => return Some(why),
            },
        };
        for (id, probe) in &others {
            if let Err(why) = self.send_genesis(links, &genesis, *id, probe).await {
                return Some(why);
            }
        }
        let initialised = consensus.initialise(genesis).await;
        initialised
            .err()
            .map(|error| format!("cannot initialise Raft: {error}"))
    }

    /// Makes the genesis from the probes, and records it here first.
    async fn make_genesis(
        &self,
        others: &BTreeMap<NodeId, BootstrapProbe>,
    ) -> Result<Arc<Genesis>, String> {
        let mut members: Vec<GenesisMember> = others
            .values()
            .map(|probe| probe.member.clone())
            .chain([self.local.me.clone()])
            .collect();
        members.sort_by_key(|member| member.id);
        let genesis = Genesis {
            members,
            terms: self.terms,
            nonce: system_bytes()?,
        };
        self.local.record(genesis).await?;
        self.local.members.set_formed();
        self.local
            .members
            .genesis()
            .ok_or_else(|| "the cluster was not recorded".into())
    }

    async fn send_genesis(
        &self,
        links: &Links,
        genesis: &Genesis,
        id: NodeId,
        probe: &BootstrapProbe,
    ) -> Result<(), String> {
        if genesis.member(id) != Some(&probe.member) {
            return Err(format!(
                "node {id} has another key or address than in the genesis; \
                 empty all directories and start again"
            ));
        }
        let request = NodeRequest::Form {
            genesis: genesis.clone(),
            token: probe.token,
        };
        match self.ask(links, id, &request).await? {
            NodeReply::Formed(Ok(cluster)) if cluster == genesis.cluster_id() => Ok(()),
            NodeReply::Formed(Err(why)) => {
                Err(format!("node {id} does not accept the genesis: {why}"))
            }
            _ => Err(format!(
                "node {id} sent a reply that does not match the request"
            )),
        }
    }

    /// One round of a node that is not the coordinator. Returns the reason why it waits.
    async fn check_others(&self, links: &Links) -> Option<String> {
        if self.local.members.genesis().is_some() {
            return None;
        }
        match self.ask_all(links).await {
            Err(why) => Some(why),
            Ok(others) if others.values().any(|probe| !probe.empty) => {
                Some(lost_directory(self.local.me.id))
            }
            Ok(others) => {
                let mut members = others.values().map(|probe| &probe.member);
                let other = members.find_map(|one| self.other_address(one));
                Some(other.unwrap_or_else(|| {
                    let first = self.local.peers.keys().next().copied().unwrap_or_default();
                    format!("node {first} has yet to form the cluster")
                }))
            }
        }
    }

    async fn ask_all(&self, links: &Links) -> Result<BTreeMap<NodeId, BootstrapProbe>, String> {
        let requests = self
            .local
            .peers
            .keys()
            .filter(|id| **id != self.local.me.id)
            .map(|id| async { (*id, self.ask(links, *id, &NodeRequest::Pristine).await) });
        let mut others = BTreeMap::new();
        let mut errors = Vec::new();
        for (id, answer) in futures_util::future::join_all(requests).await {
            match answer {
                Ok(NodeReply::Pristine(probe)) if probe.member.id == id => {
                    others.insert(id, probe);
                }
                Ok(_) => errors.push(format!(
                    "node {id} sent a reply that does not match the request"
                )),
                Err(why) => errors.push(why),
            }
        }
        // A node whose log has begun decides this, even when others do not answer.
        let begun = others.values().find(|probe| !probe.empty);
        if let Some(begun) = begun.filter(|_| self.local.members.genesis().is_none()) {
            let id = begun.member.id;
            return Err(format!(
                "{} (node {id} is up)",
                lost_directory(self.local.me.id)
            ));
        }
        if errors.is_empty() {
            Ok(others)
        } else {
            Err(joined(errors))
        }
    }

    async fn ask(
        &self,
        links: &Links,
        id: NodeId,
        request: &NodeRequest,
    ) -> Result<NodeReply, String> {
        let Some(address) = self.local.peers.get(&id).cloned() else {
            return Err(format!("node {id} is not in --peers"));
        };
        let dial = Dial {
            node: id,
            address: address.clone(),
            purpose: Purpose::Bootstrap,
            key: None,
        };
        match ask(links, dial, request, Instant::now() + ASK_TIMEOUT).await {
            Ok(reply) => Ok(reply),
            Err(CallError::Refused(Refusal::Key)) => Err(lost_directory(self.local.me.id)),
            Err(CallError::Refused(refusal)) => Err(format!("node {id} at {address}: {refusal}")),
            Err(error) => Err(format!("no answer from node {id} at {address}: {error}")),
        }
    }
}

/// Ids of nodes, for people.
fn listed<'a>(ids: impl IntoIterator<Item = &'a NodeId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(NodeId::to_string).collect();
    ids.join(", ")
}

/// What several nodes have answered, each sentence once.
fn joined(mut errors: Vec<String>) -> String {
    let mut known = BTreeSet::new();
    errors.retain(|error| known.insert(error.clone()));
    errors.join("; ")
}

fn lost_directory(id: NodeId) -> String {
    format!(
        "the cluster has begun without this directory: node {id} is known but its directory is \
         empty, and it will not vote, because the votes it gave are lost. {LOST_FOLDER}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_others_say_of_an_emptied_folder_is_told_once() {
        let lost = || lost_directory(NodeId(3));
        let told = joined(vec![lost(), "no answer from node 4".to_owned(), lost()]);
        assert_eq!(told.matches("the cluster has begun without").count(), 1);
        assert!(told.ends_with("; no answer from node 4"), "{told}");
    }

    #[test]
    fn ids_of_nodes_are_told_as_numbers() {
        assert_eq!(listed(&[NodeId(1), NodeId(12)]), "1, 12");
    }
}
