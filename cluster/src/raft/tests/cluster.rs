//! Proposals, reads, elections, snapshots and reports in a running cluster.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use tokio::time::Instant;

use super::world::{World, soon, until};
use crate::host::clock::{SystemClock, WallClock};
use crate::raft::*;
use cameo_machine::StateView;

#[tokio::test(flavor = "multi_thread")]
async fn commands_proposed_at_any_node_are_read_at_every_node() {
    let world = World::formed(3).await;
    for at in [1, 2, 3] {
        let command = format!("through {at}");
        world.propose(at, &command).await;
        for reader in [1, 2, 3] {
            assert!(world.holds(reader, &command).await, "{at} -> {reader}");
        }
    }
    let status = world.nodes[&NodeId(1)].status();
    assert_eq!(
        status.voters.keys().copied().collect::<Vec<_>>(),
        [1, 2, 3].map(NodeId)
    );
    assert_eq!(
        status.voters[&NodeId(2)].key,
        world.hosts[&NodeId(2)].keys.public()
    );
    assert_eq!(status.voters[&NodeId(2)].http, "http://node2");
    assert_eq!(status.voters[&NodeId(2)].link, world.peers[&NodeId(2)]);
    let ids: BTreeSet<_> = world
        .nodes
        .values()
        .map(|node| node.cluster().unwrap())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_proposals_at_once_each_get_their_own_reply_and_index() {
    let world = World::formed(3).await;
    let proposals = (0..300u64).map(|n| {
        let node = world.nodes[&NodeId(n % 3 + 1)].clone();
        async move {
            let command = format!("command {n}");
            let proposed = node.propose(command.clone().into(), soon()).await.unwrap();
            assert_eq!(proposed.reply, command.as_bytes());
            proposed.index
        }
    });
    let indexes: BTreeSet<u64> = futures_util::future::join_all(proposals)
        .await
        .into_iter()
        .collect();
    assert_eq!(indexes.len(), 300);
    let barriers = world.nodes.values().map(|node| node.barrier(soon()));
    futures_util::future::try_join_all(barriers).await.unwrap();
    let rows = world.hosts[&NodeId(1)].disk.rows();
    assert_eq!(rows.0.len(), 300);
    assert_eq!(rows, world.hosts[&NodeId(2)].disk.rows());
    assert_eq!(rows, world.hosts[&NodeId(3)].disk.rows());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced_without_loss_and_catches_up() {
    let mut world = World::formed(3).await;
    let old = world.leader().await;
    world.propose(old, "before").await;
    world.kill(old).await;

    let new = world.leader().await;
    assert_ne!(new, old);
    assert!(world.holds(new, "before").await);
    world.propose(new, "after").await;

    world.start(old).await.unwrap();
    assert!(world.holds(old, "before").await);
    assert!(world.holds(old, "after").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_leader_transfers_leadership_first() {
    let mut world = World::formed(3).await;
    let old = world.leader().await;
    let term = world.nodes[&old].status().term;
    let node = world.nodes.remove(&old).unwrap();
    let seen = node.leadership();
    node.stop().await;
    // The last leader it saw is another node, so it stopped after the transfer.
    assert!(
        seen.borrow().leader.is_some_and(|leader| leader != old),
        "{:?}",
        *seen.borrow()
    );
    let new = world.leader().await;
    assert_eq!(
        world.nodes[&new].status().term,
        term + 1,
        "one election was enough"
    );
    assert_eq!(
        node.propose(b"late".to_vec(), soon()).await,
        Err(ProposeError::Stopping)
    );
    assert_eq!(node.barrier(soon()).await, Err(ReadError::Stopping));
    world.propose(new, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_acknowledged_and_nothing_is_read() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let others: Vec<NodeId> = world
        .nodes
        .keys()
        .copied()
        .filter(|id| *id != leader)
        .collect();
    for id in others {
        world.kill(id).await;
    }
    let node = &world.nodes[&leader];
    let short = || Instant::now() + Duration::from_millis(1500);
    assert!(matches!(
        node.propose(b"alone".to_vec(), short()).await,
        Err(ProposeError::Unknown | ProposeError::NoLeader)
    ));
    assert_eq!(node.barrier(short()).await, Err(ReadError::NoLeader));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_commands_are_accepted_and_too_large_ones_refused() {
    let world = World::formed(3).await;
    let leader = world.leader().await;
    let follower = world.a_follower(leader);
    let too_large = vec![b'x'; MAX_COMMAND_BYTES + 1];
    for at in [leader, follower] {
        let refused = world.nodes[&at].propose(too_large.clone(), soon()).await;
        assert_eq!(refused, Err(ProposeError::TooLarge));
    }
    let large = (0..8u8).map(|n| {
        let at = if n % 2 == 0 { leader } else { follower };
        world.nodes[&at].propose(vec![n; MAX_COMMAND_BYTES], soon())
    });
    let large = futures_util::future::try_join_all(large).await.unwrap();
    assert!(
        large
            .iter()
            .all(|done| done.reply.len() == MAX_COMMAND_BYTES)
    );
    world.nodes[&follower].barrier(soon()).await.unwrap();
    assert_eq!(world.hosts[&follower].disk.rows().0.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_reaches_back_to_the_snapshot_before_the_newest() {
    let mut world = World::new(1);
    world.snapshot_after = 20;
    world.start(1).await.unwrap();
    world.leader().await;
    let disk = |world: &World| world.hosts[&NodeId(1)].disk.clone();
    for n in 0..200 {
        world.propose(1, &format!("command {n}")).await;
        let kept = disk(&world).entries(0, u64::MAX).len();
        let is_purged = disk(&world)
            .first_log_index()
            .is_some_and(|first| first > 1);
        assert!(
            !is_purged || kept >= 40,
            "{kept} entries after {n} commands"
        );
    }
    assert!(disk(&world).first_log_index().unwrap() > 1, "never purged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_behind_the_log_gets_a_snapshot() {
    let mut world = World::new(3);
    world.snapshot_after = 20;
    for id in [1, 2, 3] {
        world.start(id).await.unwrap();
    }
    let leader = world.leader().await;
    let behind = world.a_follower(leader);
    world.propose(leader, "first").await;
    assert!(world.holds(behind, "first").await);
    world.kill(behind).await;
    let leader = world.leader().await;

    // Rows large enough that the snapshot takes several chunks.
    let filler = "x".repeat(20_000);
    let mut n = 0;
    while world.hosts[&leader]
        .disk
        .first_log_index()
        .is_none_or(|first| first < 10)
    {
        world.propose(leader, &format!("{n} {filler}")).await;
        n += 1;
        assert!(n < 2_000, "the log is never purged");
    }
    world.start(behind).await.unwrap();
    assert!(world.holds(behind, &format!("{} {filler}", n - 1)).await);
    assert!(world.holds(behind, "first").await);
    assert_eq!(
        world.hosts[&behind].disk.rows(),
        world.hosts[&leader].disk.rows()
    );
    assert!(
        world.hosts[&behind]
            .disk
            .first_log_index()
            .is_none_or(|first| first >= 10)
    );
}

/// Without `allow_log_reversion` the voter's answer ends the leader, or it never catches up. A
/// voter that says it is the process that it was ignores its quarantine.
#[tokio::test(flavor = "multi_thread")]
async fn attack_a_voter_with_an_older_disk_neither_ends_the_leader_nor_stays_behind() {
    // given a follower that has applied more than a copy of its disk has
    let mut world = World::new(3);
    let hosts = world.hosts.values_mut();
    hosts.for_each(|host| host.incarnation = Some(7));
    let mut world = world.form(3).await;
    let leader = world.leader().await;
    let follower = world.a_follower(leader);
    world.propose(leader, "before").await;
    assert!(world.holds(follower, "before").await);
    let copy = world.hosts[&follower].disk.copy();
    for n in 0..20 {
        world.propose(leader, &format!("later {n}")).await;
    }
    assert!(world.holds(follower, "later 19").await);
    // when it comes back with the copy
    world.kill(follower).await;
    assert!(world.hosts[&follower].disk.restore(copy) >= 20);
    world.start(follower).await.unwrap();
    // then the same leader sends it everything again
    world.propose(leader, "after").await;
    let applied = world.nodes[&leader].status().applied;
    until("the follower catches up", || {
        world.nodes[&follower].status().applied >= applied
    })
    .await;
    assert!(world.holds(follower, "later 19").await);
    assert!(world.holds(follower, "after").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_reports_reach_the_leader_and_requests_reach_other_members() {
    let world = World::formed(3).await;
    let leader = world.leader().await;
    let expected: Vec<(NodeId, Vec<u8>)> = [1, 2, 3]
        .map(NodeId)
        .into_iter()
        .filter(|id| *id != leader)
        .map(|id| (id, format!("load of {id}").into_bytes()))
        .collect();
    let reports = world.hosts[&leader].reports.clone();
    until("both followers reported", || {
        let received = reports.0.lock().unwrap().clone();
        expected
            .iter()
            .all(|(id, report)| received.get(id) == Some(report))
    })
    .await;

    let answer = world.nodes[&NodeId(1)]
        .ask(NodeId(2), b"hello".to_vec(), soon())
        .await
        .unwrap();
    assert_eq!(answer, b"2 got hello from 1");
    assert!(matches!(
        world.nodes[&NodeId(1)]
            .ask(NodeId(9), b"hello".to_vec(), soon())
            .await,
        Err(AskError::NotMember(NodeId(9)))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_is_fast_stamps_bounded_times_and_transfers_leadership() {
    let world = World::formed(3).await;
    let old = world.leader().await;
    world.hosts[&old]
        .clock
        .0
        .store(3_600_000, Ordering::Relaxed);
    world.propose(old, "an hour ahead").await;
    let true_time = SystemClock.unix_millis();
    let rows = world.hosts[&old].disk.rows();
    let stamped = rows.get(b"an hour ahead").unwrap();
    let stamped = Millis(u64::from_le_bytes(stamped.try_into().unwrap()));
    assert!(
        stamped <= true_time.plus(MEDIAN_LEAD),
        "{stamped} is after {true_time}"
    );

    let leadership = world.nodes[&old].leadership();
    until("another node leads", || {
        leadership.borrow().leader.is_some_and(|now| now != old)
    })
    .await;
}
