//! Joining of workers to a running cluster, and refusals.

use cameo_common::ids::NodeId;

use super::world::{USED_PASS, WITHDRAWN_PASS, World, soon, until};
use crate::link::{CallError, Dial, Purpose, Refusal};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};
use crate::raft::*;

pub(super) async fn wait_until_refused(node: &Raft) -> String {
    let mut state = node.bootstrap_state();
    let refused = state.wait_for(|now| matches!(now, BootstrapState::Refused { .. }));
    let refused = tokio::time::timeout(super::world::TIMEOUT, refused).await;
    match &*refused.unwrap().unwrap() {
        BootstrapState::Refused { why } => why.clone(),
        _ => unreachable!("it was waited for"),
    }
}

pub(super) async fn wait_until_joined(world: &World, id: impl Into<NodeId>) {
    let id = id.into();
    let formed = world.nodes[&id].wait_until_formed();
    tokio::time::timeout(super::world::TIMEOUT, formed)
        .await
        .unwrap();
    until("every node knows the worker", || {
        let statuses = world.statuses();
        statuses
            .iter()
            .all(|status| status.learners.contains_key(&id) && !status.voters.contains_key(&id))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_joins_a_running_cluster_catches_up_and_reports_its_load() {
    // given a cluster with entries in its log
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    world.propose(leader, "before").await;
    // when a node joins through a member that is not the leader
    let follower = world.a_follower(leader);
    world.add_worker(4, [follower]);
    world.start(4).await.unwrap();
    wait_until_joined(&world, 4).await;
    // then it has the earlier entries, and follows
    assert!(world.holds(4, "before").await);
    world.propose(leader, "after").await;
    assert!(world.holds(4, "after").await);
    // and it belongs to the same cluster, with its key and addresses known to all nodes
    assert_eq!(
        world.nodes[&NodeId(4)].cluster(),
        world.nodes[&NodeId(1)].cluster()
    );
    let known = &world.nodes[&follower].status().learners[&NodeId(4)];
    assert_eq!(known.key, world.hosts[&NodeId(4)].keys.public());
    assert_eq!(
        (&known.link, &known.http[..]),
        (&world.hosts[&NodeId(4)].link, "http://node4")
    );
    // and the leader receives its load report
    let leader = world.leader().await;
    let reports = world.hosts[&leader].reports.clone();
    until("the worker reported", || {
        reports.0.lock().unwrap().get(&NodeId(4)) == Some(&b"load of 4".to_vec())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_joins_behind_a_purged_log_gets_a_snapshot() {
    let mut world = World::new(1);
    world.snapshot_after = 20;
    world.start(1).await.unwrap();
    world.leader().await;
    let purged = |world: &World| {
        let first = world.hosts[&NodeId(1)].disk.first_log_index();
        first.is_some_and(|first| first > 1)
    };
    let mut n = 0;
    while !purged(&world) {
        world.propose(1, &format!("command {n}")).await;
        n += 1;
        assert!(n < 2_000, "the log is never purged");
    }
    world.add_worker(2, [1]);
    world.start(2).await.unwrap();
    assert!(world.holds(2, "command 0").await);
    assert!(world.holds(2, &format!("command {}", n - 1)).await);
    wait_until_joined(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_join_at_once_are_all_admitted() {
    let mut world = World::formed(1).await;
    for id in 2..=5 {
        world.add_worker(id, [1]);
    }
    for id in 2..=5 {
        world.start(id).await.unwrap();
    }
    for id in 2..=5 {
        wait_until_joined(&world, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_rejoins_without_help() {
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    world.start(2).await.unwrap();
    wait_until_joined(&world, 2).await;
    assert_eq!(world.leader().await, NodeId(1));
    world.kill(2).await;
    world.propose(1, "while it was away").await;
    world.start(2).await.unwrap();
    assert!(world.holds(2, "while it was away").await);
    assert_eq!(world.nodes[&NodeId(1)].status().learners.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_record_and_log_costs_another_round() {
    // given a node that recorded the cluster and crashed before it was admitted
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    let founders = std::fs::read(world.hosts[&NodeId(1)].data.join("genesis")).unwrap();
    let record = world.hosts[&NodeId(2)].data.join("genesis");
    std::fs::write(record, recorded_by(2, founders)).unwrap();
    // when it starts again
    world.start(2).await.unwrap();
    // then it is admitted
    wait_until_joined(&world, 2).await;
    world.propose(1, "after").await;
    assert!(world.holds(2, "after").await);
}

/// Another node's record, changed to this node's record before its log has begun.
fn recorded_by(node: u8, mut record: Vec<u8>) -> Vec<u8> {
    record.truncate(record.len() - 4);
    record[9] = node;
    *record.last_mut().unwrap() = 0;
    let sum = crc32fast::hash(&record);
    record.extend(sum.to_le_bytes());
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_goes_on_while_the_leader_is_killed() {
    let mut world = World::formed(3).await;
    let old = world.leader().await;
    world.add_worker(4, [1, 2, 3]);
    world.start(4).await.unwrap();
    world.kill(old).await;
    wait_until_joined(&world, 4).await;
    let leader = world.nodes[&NodeId(4)].leadership();
    until("the worker follows the new leader", || {
        leader.borrow().leader.is_some_and(|leader| leader != old)
    })
    .await;
    let leader = world.leader().await;
    world.propose(leader, "after").await;
    assert!(world.holds(4, "after").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_worker_neither_votes_nor_bootstraps() {
    // given one remaining voter of two, and a worker
    let mut world = World::formed(2).await;
    world.add_worker(3, [1, 2]);
    world.start(3).await.unwrap();
    wait_until_joined(&world, 3).await;
    let leader = world.leader().await;
    let other = NodeId(3 - leader.0);
    world.kill(leader).await;
    // then the two of them elect no leader
    let short = tokio::time::Instant::now() + std::time::Duration::from_secs(2);
    let alone = world.nodes[&other].propose(b"no quorum".to_vec(), short);
    assert!(alone.await.is_err());
    assert_eq!(world.nodes[&NodeId(3)].status().role, Role::Learner);
    // not even when a voter asks the worker for its vote
    let host = &world.hosts[&leader];
    let cluster = world.nodes[&NodeId(3)].cluster();
    let keys = host.keys.clone();
    let links = super::outsiders::outsider(leader, keys, &host.secret, cluster);
    let errors = super::outsiders::ask_for_votes(&links, leader, NodeId(3), &world).await;
    for error in errors {
        assert!(error.to_string().contains("has no vote"), "{error}");
    }

    // and a worker without a cluster to join waits
    let mut empty = World::new(1);
    empty.add_worker(2, [1]);
    empty.start(2).await.unwrap();
    let mut state = empty.nodes[&NodeId(2)].bootstrap_state();
    let waits = state.wait_for(
        |now| matches!(now, BootstrapState::Waiting { why } if why.contains("from node 1")),
    );
    tokio::time::timeout(super::world::TIMEOUT, waits)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(empty.nodes[&NodeId(2)].status().last_log, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_node_gets_the_reason() {
    let mut world = World::formed(3).await;
    world.add_worker(4, [1, 2, 3]);
    world.start(4).await.unwrap();
    wait_until_joined(&world, 4).await;

    // A voter's id, a worker's id with another key, and a worker that lost its folder.
    world.kill(4).await;
    let right_keys = world.hosts[&NodeId(4)].keys.clone();
    for (id, keys) in [(2, None), (4, None), (4, Some(right_keys))] {
        let elsewhere = world.start_with_same_id(id, keys).await;
        let why = wait_until_refused(&elsewhere).await;
        assert!(why.contains(&format!("node id {id} belongs")), "{why}");
        assert!(why.contains("an --id that no node has had"), "{why}");
        elsewhere.halt().await;
    }

    world.add_worker(5, [1, 2, 3]);
    for (pass, reason) in [
        (&b"another operator's"[..], "not signed by the operator"),
        (USED_PASS, "used for another node"),
    ] {
        world.hosts.get_mut(&NodeId(5)).unwrap().pass = pass.to_vec();
        world.start(5).await.unwrap();
        let why = wait_until_refused(&world.nodes[&NodeId(5)]).await;
        assert!(why.contains(reason), "{why}");
        world.kill(5).await;
    }

    // With a new id and an empty folder, the lost worker can join again.
    world.add_worker(6, [1]);
    world.start(6).await.unwrap();
    let formed = world.nodes[&NodeId(6)].wait_until_formed();
    tokio::time::timeout(super::world::TIMEOUT, formed)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_the_leader_cannot_reach_waits_with_the_reason_and_is_no_member() {
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    let listens_at = world.hosts[&NodeId(2)].link.clone();
    // Nobody listens at the worker's advertised address.
    let unused_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused_port.local_addr().unwrap().to_string();
    drop(unused_port);
    let mut settings = world.settings(2);
    settings.peers.insert(NodeId(2), address.clone());
    settings.listen = listens_at;
    let storage = world.hosts[&NodeId(2)].disk.storage();
    let worker = start(settings, world.deps(2).await, storage).await.unwrap();
    let mut state = worker.bootstrap_state();
    let expected = format!("cannot reach this node at {address}");
    let waiting = state
        .wait_for(|now| matches!(now, BootstrapState::Waiting { why } if why.contains(&expected)));
    tokio::time::timeout(super::world::TIMEOUT, waiting)
        .await
        .unwrap()
        .unwrap();
    assert!(world.nodes[&NodeId(1)].status().learners.is_empty());
    worker.halt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_keeps_its_addresses_and_its_role() {
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    world.start(2).await.unwrap();
    wait_until_joined(&world, 2).await;
    world.kill(2).await;
    let mut elsewhere = world.settings(2);
    elsewhere.http = "http://elsewhere".into();
    let storage = world.hosts[&NodeId(2)].disk.storage();
    let moved = start(elsewhere, world.deps(2).await, storage)
        .await
        .unwrap();
    let why = wait_until_refused(&moved).await;
    assert!(
        why.contains("start it with the addresses that it joined with"),
        "{why}"
    );
    moved.halt().await;
    world.kill(1).await;
    world.workers = [NodeId(1)].into();
    assert!(matches!(
        world.start(1).await,
        Err(StartError::IsVoter(NodeId(1)))
    ));
    assert!(matches!(
        world.start(2).await,
        Err(StartError::IsWorker(NodeId(2)))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_worker_joins_no_other_cluster_than_its_tokens() {
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    let mut settings = world.settings(2);
    settings.entrance = Entrance::Join(WorkerPass {
        cluster: cameo_common::ids::ClusterId([9; 32]),
        bytes: super::world::PASS.to_vec(),
    });
    let storage = world.hosts[&NodeId(2)].disk.storage();
    let worker = start(settings, world.deps(2).await, storage).await.unwrap();
    let why = wait_until_refused(&worker).await;
    assert!(why.contains("the token is for"), "{why}");
    assert!(world.nodes[&NodeId(1)].status().learners.is_empty());
    assert!(!world.hosts[&NodeId(2)].data.join("genesis").exists());
    worker.halt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_withdrawn_pass_writes_nothing_to_the_log() {
    // given a cluster, and a node whose pass the state refuses already
    let mut world = World::formed(1).await;
    world.leader().await;
    world.add_worker(2, [1]);
    world.hosts.get_mut(&NodeId(2)).unwrap().pass = WITHDRAWN_PASS.to_vec();
    let before = world.nodes[&NodeId(1)].status().last_log;
    // when it asks to join, more than once
    for _ in 0..3 {
        world.start(2).await.unwrap();
        let why = wait_until_refused(&world.nodes[&NodeId(2)]).await;
        assert!(why.contains("withdrawn"), "{why}");
        world.kill(2).await;
    }
    // then the log is as it was
    assert_eq!(world.nodes[&NodeId(1)].status().last_log, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_the_secret_alone_admits_no_worker_and_removes_none() {
    // given a worker, and the cluster secret under another id and key
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    world.start(2).await.unwrap();
    wait_until_joined(&world, 2).await;
    let keys = std::sync::Arc::new(crate::link::NodeKeys::generate().unwrap());
    let host = &world.hosts[&NodeId(1)];
    let cluster = world.nodes[&NodeId(1)].cluster();
    let key = keys.public();
    let links = super::outsiders::outsider(NodeId(3), keys, &host.secret, cluster);
    // when it asks to join without a token, on each kind of connection
    let member = Member {
        link: "127.0.0.1:1".into(),
        http: "http://node3".into(),
        key,
    };
    for purpose in [Purpose::Join, Purpose::Bootstrap, Purpose::Member] {
        let dial = Dial {
            node: NodeId(1),
            address: world.peers[&NodeId(1)].clone(),
            purpose,
            key: Some(world.hosts[&NodeId(1)].keys.public()),
        };
        let join = NodeRequest::Join {
            member: member.clone(),
            pass: Vec::new(),
            timeout_millis: 1_000,
        };
        let may_join = NodeRequest::MayJoin { pass: Vec::new() };
        for request in [join, may_join] {
            match ask(&links, dial.clone(), &request, soon()).await {
                Ok(NodeReply::Joined(Err(MemberRefusal::BadPass { .. })))
                | Ok(NodeReply::MayJoin(Err(MemberRefusal::BadPass { .. })))
                | Err(CallError::Denied(_) | CallError::Refused(Refusal::NotMember)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    // then the members are as before; no request of a node removes one
    let learners = world.nodes[&NodeId(1)].status().learners;
    assert!(learners.keys().eq([&NodeId(2)]));
}
