//! Changes of the nodes in a running cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{DescriptorLink, Succession};
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};
use cameo_common::signed::Signed;
use cameo_common::wire;
use tokio::time::{Instant, sleep};

use super::app::LINK;
use super::attacks::takeover;
use super::host::operator_key;
use super::joining::{wait_until_joined, wait_until_refused};
use super::outsiders::outsider;
use super::world::{World, soon, until};
use crate::host::blocking::Blocking;
use crate::link::{Dial, NodeKeys, Purpose};
use crate::raft::quarantine::{Origin, QuarantineDisk as _, QuarantineFolder};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{DescriptorsTold, NodeReply, NodeRequest, encode};
use crate::raft::*;

fn ids(of: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
    of.into_iter().map(NodeId).collect()
}

/// A cluster whose nodes change.
struct Changing {
    world: World,
    cluster: ClusterId,
    newest: Descriptor,
    links: Vec<DescriptorLink>,
}

impl Changing {
    /// Nodes 1 to 3 vote; these have joined as workers.
    async fn with_workers(workers: &[u64]) -> Self {
        let mut world = World::formed(3).await;
        for id in workers {
            world.add_worker(*id, [1, 2, 3]);
            world.start(*id).await.unwrap();
            wait_until_joined(&world, *id).await;
        }
        let genesis = world.nodes[&NodeId(1)].wait_until_formed().await;
        Self {
            cluster: genesis.cluster_id(),
            newest: genesis.descriptor(),
            links: Vec::new(),
            world,
        }
    }

    fn identity(&self, id: NodeId) -> NodeIdentity {
        let keys = &self.world.hosts[&id].keys;
        NodeIdentity {
            id,
            key: PublicKey(keys.public()),
            sealing: SealingPublic(keys.sealing_public()),
        }
    }

    /// A link to these nodes, signed by the operator and all nodes before.
    fn link_to(&self, nodes: impl IntoIterator<Item = u64>) -> DescriptorLink {
        let nodes = ids(nodes).into_iter().map(|id| self.identity(id));
        let previous = &self.newest;
        let next = previous.successor(nodes.collect());
        let signed = |key: &SigningKey| {
            let succession = Succession {
                cluster: self.cluster,
                previous: previous.hash(),
                next: next.hash(),
                signer: key.public(),
            };
            Signed::new(key, succession)
        };
        let voters = previous.nodes.iter();
        let voters = voters.map(|node| signed(&self.world.hosts[&node.id].keys.signing_key()));
        DescriptorLink {
            operator: signed(&operator_key()),
            voters: voters.collect(),
            descriptor: next.clone(),
        }
    }

    /// Has the state take these nodes as the next descriptor's.
    async fn decide(&mut self, nodes: impl IntoIterator<Item = u64>) {
        let link = self.link_to(nodes);
        let command = [LINK, &wire::encode(&link)].concat();
        let at = self.leader().await;
        let proposed = self.world.nodes[&at].propose(command, soon()).await;
        proposed.unwrap();
        self.newest = link.descriptor.clone();
        self.links.push(link);
    }

    /// The leader with the highest term.
    async fn leader(&self) -> NodeId {
        let end = soon();
        loop {
            let statuses = self.world.statuses();
            let leaders = statuses.iter().filter(|node| node.role == Role::Leader);
            if let Some(leader) = leaders.max_by_key(|node| node.term) {
                return leader.id;
            }
            assert!(Instant::now() < end, "no leader: {statuses:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Carries out the leader's duty once, and starts again what was promoted.
    async fn step(&mut self) -> Result<(), VotersError> {
        for id in self.newest.nodes.clone().iter().map(|node| node.id) {
            let Some(node) = self.world.nodes.get(&id).cloned() else {
                continue;
            };
            let promoted = tokio::time::timeout(Duration::ZERO, node.wait_until_promoted());
            if promoted.await.is_ok() {
                node.stop().await;
                self.world.start(id).await.unwrap();
            }
        }
        let leader = self.leader().await;
        let raft = self.world.nodes[&leader].clone();
        raft.follow_descriptor(&self.newest).await
    }

    /// Has Raft follow the newest descriptor, until its running nodes say so.
    async fn settle(&mut self) {
        let end = soon();
        let next: BTreeSet<NodeId> = self.newest.nodes.iter().map(|node| node.id).collect();
        loop {
            let stepped = self.step().await;
            let voters = |node: &Status| node.voters.keys().copied().collect::<BTreeSet<_>>();
            let statuses = self.world.statuses();
            let mut of_next = statuses.iter().filter(|node| next.contains(&node.id));
            if stepped.is_ok() && of_next.all(|node| voters(node) == next) {
                return;
            }
            assert!(Instant::now() < end, "{stepped:?}: {statuses:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn change_to(&mut self, nodes: impl IntoIterator<Item = u64>) {
        self.decide(nodes).await;
        self.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_worker_when_it_is_in_the_next_descriptor_then_it_votes() {
    // given three voters and a worker
    let mut it = Changing::with_workers(&[4]).await;
    let leader = it.leader().await;
    it.world.propose(leader, "before").await;
    // when a descriptor has it
    it.change_to(1..=4).await;
    // then it runs as a voter, with the same flags, and a majority is not reached without it
    assert!(it.world.nodes[&NodeId(4)].runs_as_voter());
    let lost = *ids(1..=3).iter().find(|id| **id != leader).unwrap();
    it.world.kill(lost).await;
    it.world.propose(4, "by its vote").await;
    assert!(it.world.holds(4, "before").await);
    // also after it was started again
    it.world.kill(4).await;
    it.world.start(4).await.unwrap();
    it.world.propose(4, "again").await;
    assert!(it.world.nodes[&NodeId(4)].runs_as_voter());
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_leader_that_is_removed_then_it_hands_over_and_says_that_it_was_removed() {
    let mut it = Changing::with_workers(&[]).await;
    let old = it.leader().await;
    // when the next descriptor lacks it
    let stay = ids(1..=3).into_iter().filter(|id| *id != old);
    it.change_to(stay.map(|id| id.0)).await;
    // then another one leads, and it refuses to go on
    let new = it.leader().await;
    assert_ne!(new, old);
    it.world.propose(new, "after").await;
    let why = wait_until_refused(&it.world.nodes[&old]).await;
    assert!(why.contains(&format!("node {old} was removed")), "{why}");
    // and its votes and appends move nothing
    let (host, target) = (&it.world.hosts[&old], &it.world.hosts[&new]);
    let links = outsider(old, host.keys.clone(), &host.secret, Some(it.cluster));
    let link = links.dedicated(Dial {
        node: new,
        address: target.link.clone(),
        purpose: Purpose::Member,
        key: Some(target.keys.public()),
    });
    let term = it.world.nodes[&new].status().term;
    for request in takeover(term + 1, old) {
        let error = link.call(&encode(&request), soon()).await.unwrap_err();
        assert!(error.to_string().contains("only a voter"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_voters_are_replaced_one_by_one_while_writes_go_on() {
    let mut it = Changing::with_workers(&[4, 5, 6]).await;
    let ends = Arc::new(AtomicBool::new(false));
    // given a writer at a node that stays for long
    let writer = {
        let (node, ends) = (it.world.nodes[&NodeId(3)].clone(), ends.clone());
        tokio::spawn(async move {
            let mut written = Vec::new();
            while !ends.load(Ordering::Acquire) {
                let command = format!("write {}", written.len());
                let proposed = node.propose(command.clone().into(), soon()).await;
                if proposed.is_ok() {
                    written.push(command);
                }
                sleep(Duration::from_millis(2)).await;
            }
            written
        })
    };
    // when one after another is replaced
    it.change_to(2..=4).await;
    it.world.kill(1).await;
    it.change_to(3..=5).await;
    it.world.kill(2).await;
    ends.store(true, Ordering::Release);
    let written = writer.await.unwrap();
    it.change_to(4..=6).await;
    it.world.kill(3).await;
    // then nothing that was acknowledged is lost
    let leader = it.leader().await;
    it.world.propose(leader, "after").await;
    assert!(!written.is_empty());
    for command in &written {
        assert!(it.world.holds(6, command).await, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_node_that_slept_through_two_changes_then_it_follows_a_leader_it_did_not_know() {
    let mut it = Changing::with_workers(&[4, 5]).await;
    // given node 3, which is down while the two others are replaced
    it.world.kill(3).await;
    it.change_to(2..=4).await;
    it.world.kill(1).await;
    it.change_to(3..=5).await;
    it.world.kill(2).await;
    let leader = it.leader().await;
    it.world.propose(leader, "while it slept").await;
    // when it comes back, and knows none of the others
    it.world.start(3).await.unwrap();
    // then it follows them, and makes a majority with one of them
    assert!(it.world.holds(3, "while it slept").await);
    let leader = it.leader().await;
    it.world.kill(leader).await;
    it.world.propose(3, "with its vote").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_node_that_does_not_answer_as_a_voter_is_not_made_one() {
    // given a descriptor with a worker that is down
    let mut it = Changing::with_workers(&[4]).await;
    it.world.kill(4).await;
    it.decide(1..=4).await;
    // when the leader would follow it
    let leader = it.leader().await;
    let raft = it.world.nodes[&leader].clone();
    let refused = raft.follow_descriptor(&it.newest).await;
    // then the voters are as they were
    assert_eq!(refused, Err(VotersError::NotAnswering(NodeId(4))));
    assert!(raft.status().voters.keys().copied().eq(ids(1..=3)));
    it.world.propose(leader, "goes on").await;
    // nor is a node that has never joined
    it.decide(1..=3).await;
    it.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_forked_or_unsigned_chain_of_descriptors_is_not_taken() {
    // given a cluster that knows its second descriptor
    let mut it = Changing::with_workers(&[4]).await;
    let other = it.link_to(1..=2);
    it.change_to(1..=4).await;
    let target = it.leader().await;
    let keys = Arc::new(NodeKeys::generate().unwrap());
    let links = outsider(NodeId(9), keys, b"any secret, of anybody", Some(it.cluster));
    let show = async |links_shown: Vec<DescriptorLink>| {
        let newest = &links_shown.last().unwrap().descriptor;
        let told = DescriptorsTold {
            number: newest.number,
            hash: newest.hash(),
            links: links_shown.clone(),
            is_member: false,
        };
        let dial = Dial {
            node: target,
            address: it.world.hosts[&target].link.clone(),
            purpose: Purpose::Join,
            key: None,
        };
        let asked = ask(&links, dial, &NodeRequest::Descriptors(told), soon()).await;
        match asked.unwrap() {
            NodeReply::Descriptors(answer) => answer,
            other => panic!("{other:?}"),
        }
    };
    // when a node shows another second one, which is well signed
    let refused = show(vec![other]).await.unwrap_err();
    assert!(refused.contains("two chains"), "{refused}");
    // or a third without the operator, or without a majority
    let good = it.link_to(1..=3);
    let mut unsigned = good.clone();
    unsigned.operator = unsigned.voters[0].clone();
    let refused = show(vec![unsigned]).await.unwrap_err();
    assert!(refused.contains("the operator has not signed"), "{refused}");
    let mut minority = good.clone();
    minority.voters.truncate(2);
    let refused = show(vec![minority]).await.unwrap_err();
    assert!(refused.contains("have to"), "{refused}");
    // then it is not taken; a good one is, of anybody, and changes no voter by itself
    assert_eq!(show(vec![good]).await.unwrap().number, 2);
    let voters = it.world.nodes[&target].status().voters;
    assert!(voters.keys().copied().eq(ids(1..=4)));
    until("the others know it", || {
        let nodes = it.world.nodes.values();
        let key = PublicKey(it.world.hosts[&NodeId(4)].keys.public());
        nodes.into_iter().all(|node| !node.is_node_key(&key))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_s_folder_is_told_from_its_copies_before_it_is_promoted() {
    let mut it = Changing::with_workers(&[4]).await;
    let data = it.world.hosts[&NodeId(4)].data.clone();
    let origin = || {
        let folder = QuarantineFolder::within(&data, Blocking::Threads);
        folder.origin().unwrap()
    };
    until("an original folder", || origin() == Origin::Original).await;
    // and a copy stays one, however long it is a worker
    it.world.kill(4).await;
    let aside = data.with_extension("aside");
    std::fs::rename(&data, &aside).unwrap();
    let copied = std::process::Command::new("cp");
    let copied = { copied }.arg("-r").arg(&aside).arg(&data).status();
    assert!(copied.unwrap().success());
    it.world.start(4).await.unwrap();
    it.world.propose(1, "afterwards").await;
    until("the log", || {
        it.world.nodes[&NodeId(4)].status().applied > 0
    })
    .await;
    assert!(matches!(origin(), Origin::MayBeCopy(_)));
}
