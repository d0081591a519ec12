//! A voter that puts an old state back: no node installs what a majority has not signed, and an old
//! state with its signatures takes nothing back.

use std::collections::BTreeMap;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::wire;
use cameo_machine::LtHash;
use openraft::storage::RaftStateMachine;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use super::outsiders::outsider;
use super::world::{Host, World, soon, until};
use crate::certificate::Certificate;
use crate::consensus_types::aliases::{CommittedLeaderId, LogId, StoredMembership, Vote};
use crate::link::{CallError, Dial, Link, Links, Purpose};
use crate::raft::rpc::snapshots::SnapshotPort;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};
use crate::store::Applied;

/// What is in a snapshot of the memory store.
#[derive(Clone, Serialize, Deserialize)]
struct Content {
    applied: Option<LogId>,
    membership: StoredMembership,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// With the bytes of its certificate.
type Snapshot = (Content, Option<Vec<u8>>);

impl Content {
    fn claiming(&self, id: LogId) -> Self {
        Self {
            applied: Some(id),
            ..self.clone()
        }
    }

    /// The certificate that this voter alone can make of it.
    fn signed_by(&self, host: &Host, cluster: ClusterId) -> Vec<u8> {
        let applied = Applied {
            log_id: self.applied,
            membership: self.membership.clone(),
        };
        let rows = self.rows.iter();
        let rows = LtHash::of(rows.map(|(key, value)| (key.as_slice(), value.as_slice())));
        let point = applied.point(&rows.hash().0).unwrap();
        let signed = point.signed(&host.keys.signing_key(), cluster);
        Certificate(vec![signed.clone(), signed]).encode()
    }
}

/// The snapshot on a killed node's disk.
async fn on_disk(host: &Host) -> Snapshot {
    let mut storage = host.disk.storage();
    let snapshot = storage.state_machine.get_current_snapshot().await;
    let snapshot = snapshot.unwrap().unwrap();
    let (_, mut reader) = storage.snapshots.open(&snapshot.snapshot).await.unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await.unwrap();
    wire::decode(&bytes).unwrap()
}

async fn ask(link: &Link, request: NodeRequest) -> Result<NodeReply, CallError> {
    let reply = link.call(&encode(&request), soon()).await?;
    Ok(decode(&reply).unwrap())
}

async fn install(link: &Link, vote: Vote, snapshot: &Snapshot) -> Result<NodeReply, CallError> {
    let bytes = wire::encode(snapshot);
    let len = bytes.len() as u64;
    let begun = ask(link, NodeRequest::SnapshotBegin { len }).await?;
    let NodeReply::SnapshotBegun { transfer } = begun else {
        panic!("{begun:?}");
    };
    let offset = 0;
    let chunk = NodeRequest::SnapshotChunk {
        transfer,
        offset,
        bytes,
    };
    ask(link, chunk).await?;
    ask(link, NodeRequest::SnapshotInstall { transfer, vote }).await
}

/// Three voters, of which one was killed when it had a certified snapshot: its program is another
/// one now. The others have an entry that is not in the snapshot.
struct Attack {
    world: World,
    liar: NodeId,
    cluster: ClusterId,
    links: Links,
    others: Vec<NodeId>,
    snapshot: Snapshot,
}

impl Attack {
    async fn prepare() -> Self {
        let mut world = World::new(3);
        world.snapshot_after = 20;
        for id in [1, 2, 3] {
            world.start(id).await.unwrap();
        }
        let leader = world.leader().await;
        let liar = world.a_follower(leader);
        let mut n = 0;
        while world.hosts[&liar]
            .disk
            .first_log_index()
            .is_none_or(|first| first < 2)
        {
            world.propose(leader, &format!("command {n}")).await;
            n += 1;
            assert!(n < 1_000, "no certified snapshot");
        }
        let cluster = world.nodes[&liar].cluster().unwrap();
        world.kill(liar).await;
        let host = &world.hosts[&liar];
        let links = outsider(liar, host.keys.clone(), &host.secret, Some(cluster));
        let snapshot = on_disk(host).await;
        let leader = world.leader().await;
        world.propose(leader, "revoked").await;
        let others: Vec<NodeId> = world.nodes.keys().copied().collect();
        for node in &others {
            assert!(world.holds(*node, "revoked").await);
        }
        Self {
            world,
            liar,
            cluster,
            links,
            others,
            snapshot,
        }
    }

    fn link(&self, node: NodeId) -> Link {
        self.links.dedicated(Dial {
            node,
            address: self.world.peers[&node].clone(),
            purpose: Purpose::Member,
            key: Some(self.world.hosts[&node].keys.public()),
        })
    }

    /// A leader's vote of the liar.
    fn vote(&self, term: u64) -> Vote {
        let mut vote = Vote::new(term, self.liar);
        vote.committed = true;
        vote
    }

    /// A term above those of all nodes, and an index above those in their logs.
    fn ahead(&self) -> LogId {
        let statuses = self.world.statuses();
        let term = statuses.iter().map(|it| it.term).max().unwrap() + 10;
        let index = statuses.iter().map(|it| it.last_log).max().unwrap() + 100;
        LogId::new(CommittedLeaderId::new(term), index)
    }

    async fn nothing_was_taken_back(&self) {
        let leader = self.world.leader().await;
        self.world.propose(leader, "afterwards").await;
        for node in &self.others {
            assert!(self.world.holds(*node, "revoked").await);
            assert!(self.world.holds(*node, "afterwards").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_voter_that_installs_an_old_snapshot_is_refused() {
    let attack = Attack::prepare().await;
    // given the old snapshot under a later header, with the certificate of the old state, without
    // one, and with one of the liar's own
    let claimed = attack.ahead();
    let (old, certificate) = attack.snapshot.clone();
    let forged = old.claiming(claimed);
    let own = forged.signed_by(&attack.world.hosts[&attack.liar], attack.cluster);
    let vote = attack.vote(claimed.committed_leader_id().term);
    for certificate in [certificate, None, Some(own)] {
        let snapshot = (forged.clone(), certificate);
        for node in &attack.others {
            // when it is installed, in its own name
            let refused = install(&attack.link(*node), vote, &snapshot).await;
            // then it is refused
            assert!(
                matches!(&refused, Err(CallError::Denied(why))
                    if why.contains("signed") || why.contains("certificate")),
                "{refused:?}"
            );
        }
    }
    attack.nothing_was_taken_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_old_snapshot_with_its_certificate_takes_nothing_back() {
    let attack = Attack::prepare().await;
    // when the voter leads by a later term and installs what the cluster once was
    let vote = attack.vote(attack.ahead().committed_leader_id().term);
    for node in &attack.others {
        let reply = install(&attack.link(*node), vote, &attack.snapshot).await;
        assert!(
            matches!(reply, Ok(NodeReply::SnapshotInstalled(_))),
            "{reply:?}"
        );
    }
    // then consensus takes it for what it is: below what was committed
    attack.nothing_was_taken_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_snapshot_of_a_later_term_than_its_senders_ends_no_node() {
    let attack = Attack::prepare().await;
    for node in &attack.others {
        let refused = install(&attack.link(*node), attack.vote(0), &attack.snapshot).await;
        assert!(
            matches!(&refused, Err(CallError::Denied(why)) if why.contains("later term")),
            "{refused:?}"
        );
    }
    attack.nothing_was_taken_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_kept_while_too_few_voters_have_signed_a_snapshot() {
    // given a node that signs at other indexes than the two others
    let mut world = World::new(3);
    for (id, every) in [(1, 20), (2, 1_000_000), (3, 1_000_000)] {
        world.snapshot_after = every;
        world.start(id).await.unwrap();
    }
    let disk = world.hosts[&NodeId(1)].disk.clone();
    let purged = || disk.first_log_index().is_some_and(|first| first > 1);
    // when it takes snapshots without their signatures
    for n in 0..150 {
        let leader = world.leader().await;
        world.propose(leader, &format!("command {n}")).await;
    }
    assert!(world.holds(1, "command 149").await);
    // then it keeps its log
    assert!(!purged());
    // and when the others sign at these indexes, it is purged
    for id in [2, 3] {
        world.kill(id).await;
        world.snapshot_after = 20;
        world.start(id).await.unwrap();
    }
    for n in 150..250 {
        let leader = world.leader().await;
        world.propose(leader, &format!("command {n}")).await;
    }
    until("the log is purged", purged).await;
}
