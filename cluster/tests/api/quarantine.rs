//! A voter that comes back with an older copy of its folder, while the others went on.

use std::fs;
use std::path::PathBuf;

use cameo_cluster::host::blocking::Blocking;
use cameo_cluster::raft::quarantine::{Origin, QuarantineDisk as _, QuarantineFolder};
use cameo_common::api::{NotReadyCode, WaitsForVoters, paths};
use cameo_common::ids::NodeId;

use crate::floors::{confirm, keep_copy, restore, view};
use crate::http::read_plain;
use crate::person::{Person, Shared};
use crate::probes::not_ready;
use crate::world::{World, until};

/// A grant of nine views, copies of all disks, and a view that every node has released since.
async fn released_since_the_copy() -> (World, Person, Person, Shared) {
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 9).await;
    world.restart_all(keep_copy).await;
    assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
    (world, ada, bob, shared)
}

/// Waits until a voter remembers how far the floors of node 3 are.
async fn remembered_by(world: &World, node: u64) {
    until("a peer that remembers", async || {
        let page = read_plain(world.metrics(node), paths::METRICS).await.body;
        let page = String::from_utf8(page).unwrap();
        let line = "cameo_remembered_floor{node=\"3\"} ";
        let floor = page.lines().find_map(|seen| seen.strip_prefix(line))?;
        (floor.parse::<u64>().unwrap() > 0).then_some(())
    })
    .await;
}

async fn quarantined(world: &World) {
    until("quarantine of node 3", async || {
        world.status(3).await.quarantined.then_some(())
    })
    .await;
}

/// Waits until node 3 says, after the grace, that it waits because its folder may be a copy.
async fn waits_as_copy(world: &World) -> WaitsForVoters {
    until("a node that waits as a copy", async || {
        let waits = world.status(3).await.waits;
        waits.filter(|waits| waits.may_be_copy)
    })
    .await
}

/// Waits until node 3 follows a leader or leads.
async fn takes_part(world: &World) {
    until("node 3 in a majority", async || {
        let status = world.status(3).await;
        (status.waits.is_none() && status.leader.is_some()).then_some(())
    })
    .await;
}

/// Waits until the folder of node 3 is told from its copies.
async fn original(world: &World) {
    let folder = QuarantineFolder::within(&world.config(3).data, Blocking::Threads);
    until("an original folder", async || {
        (folder.origin().ok()? == Origin::Original).then_some(())
    })
    .await;
}

/// Moves the newest folder of node 3 aside, and puts the copy in its place.
fn put_back(world: &World) -> PathBuf {
    let data = world.config(3).data;
    let newest = data.with_extension("newest");
    fs::rename(&data, &newest).unwrap();
    fs::create_dir(&data).unwrap();
    restore(&data);
    newest
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_node_that_comes_back_with_an_old_disk_releases_nothing() {
    let (mut world, ada, bob, shared) = released_since_the_copy().await;
    for node in [1, 2] {
        remembered_by(&world, node).await;
    }
    // when node 3 comes back with its old folder, floors and all, while the others went on
    world.stop(3).await;
    let newest = put_back(&world);
    world.start(3).await;
    quarantined(&world).await;

    // then it releases nothing and confirms nothing, and the others go on.
    assert_eq!(not_ready(&world, 3).await, [NotReadyCode::Quarantined]);
    let answers = view(&world, &bob, &shared).await;
    assert_eq!(answers, ["released", "released", "unavailable"]);
    let confirmed = confirm(&world, &ada, 3, &shared, 1).await;
    assert_eq!(confirmed.code(), "unavailable");

    // It is no part of a majority either: node 1 with it charges nothing.
    world.stop(2).await;
    let alone = view(&world, &bob, &shared).await;
    assert!(
        alone == ["unavailable"] || alone == ["outcome_unknown"],
        "{alone:?}"
    );
    world.start(2).await;

    // It leaves quarantine with its newest folder, not by itself.
    world.stop(3).await;
    world.start(3).await;
    quarantined(&world).await;
    world.stop(3).await;
    let data = world.config(3).data;
    fs::remove_dir_all(&data).unwrap();
    fs::rename(newest, &data).unwrap();
    world.start(3).await;
    assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
    assert!(!world.status(3).await.quarantined);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_one_peer_that_remembers_is_enough_also_after_its_restart() {
    let (mut world, _ada, bob, shared) = released_since_the_copy().await;
    remembered_by(&world, 1).await;
    // Given peers that have restarted since, of which node 2 has forgotten all it knew
    for node in [3, 1, 2] {
        world.stop(node).await;
    }
    put_back(&world);
    fs::remove_file(world.config(2).data.join("peers")).unwrap();
    // when all start, and node 2 may be the first that answers
    world.start_all(&[2, 3, 1]).await;
    // then node 1 tells it.
    quarantined(&world).await;
    let answers = view(&world, &bob, &shared).await;
    assert_eq!(answers, ["released", "released", "unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_old_folder_is_not_let_in_while_the_voter_that_remembers_is_down() {
    let (mut world, ada, bob, shared) = released_since_the_copy().await;
    remembered_by(&world, 1).await;
    for node in [3, 2, 1] {
        world.stop(node).await;
    }
    // Given an old folder, a voter that has forgotten, and one that remembers and is down
    put_back(&world);
    fs::remove_file(world.config(2).data.join("peers")).unwrap();
    world.start_all(&[2, 3]).await;
    // when the grace is over, which the node says by what it goes on to wait for
    let waits = waits_as_copy(&world).await;
    assert_eq!((waits.voters, waits.answers_missing), (vec![NodeId(1)], 1));
    // then it takes no part, and tells its clients why,
    let refused = confirm(&world, &ada, 3, &shared, 1).await;
    assert_eq!(refused.code(), "unavailable");
    let page = read_plain(world.metrics(3), paths::METRICS).await.body;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("\ncameo_answers_missing 1\n"), "{page}");
    assert!(!world.status(3).await.quarantined);
    // also when it is started again,
    world.stop(3).await;
    world.start(3).await;
    waits_as_copy(&world).await;
    // and is quarantined when the one that remembers is back.
    world.start(1).await;
    quarantined(&world).await;
    assert_eq!(world.status(3).await.waits, None);
    let answers = view(&world, &bob, &shared).await;
    assert_eq!(answers, ["released", "released", "unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_folder_takes_part_by_the_operators_word_and_afterwards_without_it() {
    let mut world = World::new(3).await;
    for node in [3, 1] {
        world.stop(node).await;
    }
    // Given a folder that was copied, and is the newest, and a node that is down
    let data = world.config(3).data;
    keep_copy(&data);
    restore(&data);
    world.start(3).await;
    waits_as_copy(&world).await;
    world.stop(3).await;
    // when the operator says so, then it takes part with a majority,
    world.config_mut(3).folder_is_newest = true;
    world.start(3).await;
    takes_part(&world).await;
    original(&world).await;
    // and again without their word.
    world.stop(3).await;
    world.config_mut(3).folder_is_newest = false;
    world.start(3).await;
    takes_part(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_the_operators_word_lifts_no_quarantine() {
    let (mut world, ada, _bob, shared) = released_since_the_copy().await;
    for node in [1, 2] {
        remembered_by(&world, node).await;
    }
    world.stop(3).await;
    put_back(&world);
    // Whether the proof comes after the start,
    world.config_mut(3).folder_is_newest = true;
    world.start(3).await;
    quarantined(&world).await;
    let marker = world.config(3).data.join("quarantined");
    until("the marker", async || marker.exists().then_some(())).await;
    // or is in the folder.
    world.stop(3).await;
    world.start(3).await;
    assert!(world.status(3).await.quarantined);
    let confirmed = confirm(&world, &ada, 3, &shared, 1).await;
    assert_eq!(confirmed.code(), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_quarantined_folder_stays_so_when_its_peers_forget() {
    let (mut world, _ada, bob, shared) = released_since_the_copy().await;
    for node in [1, 2] {
        remembered_by(&world, node).await;
    }
    // Given a node that was quarantined, whose old folder says so
    world.stop(3).await;
    put_back(&world);
    world.start(3).await;
    quarantined(&world).await;
    let marker = world.config(3).data.join("quarantined");
    until("the marker", async || marker.exists().then_some(())).await;
    // when all start again, and no peer remembers any more how far it had come
    for node in 1..=3 {
        world.stop(node).await;
    }
    for node in [1, 2] {
        fs::remove_file(world.config(node).data.join("peers")).unwrap();
    }
    world.start_all(&[1, 2, 3]).await;
    // then it is quarantined from its start on.
    assert!(world.status(3).await.quarantined);
    let answers = view(&world, &bob, &shared).await;
    assert_eq!(answers, ["released", "released", "unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_restart_with_their_folders_are_not_quarantined() {
    let (mut world, _ada, bob, shared) = released_since_the_copy().await;
    for node in [1, 2] {
        remembered_by(&world, node).await;
    }
    // One by one, the leader too,
    for node in [3, 2, 1] {
        world.stop(node).await;
        world.start(node).await;
        assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
    }
    // and all at once.
    world.restart_all(|_| {}).await;
    assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
    for node in 1..=3 {
        assert!(!world.status(node).await.quarantined);
    }
}
