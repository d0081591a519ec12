//! Floors: what a node has released by, and confirmed, outlives its log and its state.

use std::fs;
use std::path::Path;

use cameo_common::api::{ConfirmRights, Confirmed, Debited, PutRights, paths};
use cameo_common::keys::{PublicKey, SealingSecret};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::Confirmation;

use crate::http::Answer;
use crate::person::{Person, Shared, random};
use crate::views::{debit, part, view_request};
use crate::world::World;

/// The copy of a data folder, beside it.
const COPY: &str = "copy";

pub fn keep_copy(data: &Path) {
    copy(data, &data.with_extension(COPY));
}

/// Puts the copy back, all but the floors: the state is rolled back.
fn roll_back(data: &Path) {
    let floor = fs::read(data.join("floor")).unwrap();
    restore(data);
    fs::write(data.join("floor"), floor).unwrap();
}

/// Puts the whole copy back, as a thief of the machine would.
pub fn restore(data: &Path) {
    fs::remove_dir_all(data).unwrap();
    copy(&data.with_extension(COPY), data);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A fresh view, charged at node 1 and asked for at every node. Gives the nodes' answers.
pub async fn view(world: &World, viewer: &Person, shared: &Shared) -> Vec<String> {
    let key = SealingSecret::from_bytes(random());
    let request = view_request(world, viewer, shared, random(), &key);
    let charged = debit(world, 1, viewer, shared, &request).await;
    let debited: Debited = match charged.status {
        200 => charged.read(),
        _ => return vec![charged.code()],
    };
    let mut answers = Vec::new();
    for node in 1..=world.nodes.len() as u64 {
        let answer = part(world, node, viewer, shared, &request, debited.index).await;
        answers.push(match answer.status {
            200 => "released".to_owned(),
            _ => answer.code(),
        });
    }
    answers
}

async fn put(world: &World, owner: &Person, rights: Rights) -> Signed<Rights> {
    let path = paths::fill(paths::RIGHTS, &rights.grant);
    let rights = Signed::new(&owner.identity, rights);
    let body = PutRights {
        rights: rights.clone(),
    };
    assert_eq!(owner.command(world, 1, &path, &body).await.status, 200);
    rights
}

pub async fn confirm(
    world: &World,
    by: &Person,
    node: u64,
    shared: &Shared,
    version: u64,
) -> Answer {
    let path = paths::fill(paths::CONFIRMATION, &shared.grant);
    by.post(world, node, &path, &ConfirmRights { version })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_rolled_back_state_releases_no_further_view() {
    // Given a grant of two views at three nodes, and copies of their disks
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 2).await;
    world.restart_all(keep_copy).await;
    for _ in 0..2 {
        assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
    }
    assert_eq!(view(&world, &bob, &shared).await, ["used_up"]);

    // when log, state and snapshots are put back on all nodes,
    world.restart_all(roll_back).await;

    // then the ledger charges again, and no node releases.
    assert_eq!(view(&world, &bob, &shared).await, ["used_up"; 3]);

    // The same with the floors put back too: this is what the floors are for.
    world.restart_all(restore).await;
    assert_eq!(view(&world, &bob, &shared).await, ["released"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_rolled_back_revocation_releases_nothing() {
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 5).await;
    world.restart_all(keep_copy).await;
    // Given a revocation that nodes 1 and 2 have confirmed
    let revoked = Rights {
        revoked: true,
        ..ada.rights(shared.grant, 2, 5)
    };
    put(&world, &ada, revoked).await;
    for node in [1, 2] {
        assert_eq!(confirm(&world, &ada, node, &shared, 2).await.status, 200);
    }
    // when all nodes' states are rolled back, then these two release nothing, so no t nodes do.
    world.restart_all(roll_back).await;
    let answers = view(&world, &bob, &shared).await;
    assert_eq!(answers, ["rolled_back", "rolled_back", "released"]);
    // Neither do they confirm older rights.
    assert_eq!(
        confirm(&world, &ada, 1, &shared, 1).await.code(),
        "rolled_back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_node_that_has_refused_by_a_revocation_remembers_it() {
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 5).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();
    world.restart_all(keep_copy).await;
    let revoked = Rights {
        revoked: true,
        ..ada.rights(shared.grant, 2, 5)
    };
    put(&world, &ada, revoked).await;
    let asked = part(&world, 1, &bob, &shared, &request, debited.index).await;
    assert_eq!(asked.code(), "revoked");

    world.restart_all(roll_back).await;
    let asked = part(&world, 1, &bob, &shared, &request, debited.index).await;
    assert_eq!((asked.status, asked.code().as_str()), (500, "rolled_back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charged_view_is_released_again_after_a_restart() {
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();
    for _ in 0..2 {
        let answer = part(&world, 1, &bob, &shared, &request, debited.index).await;
        assert_eq!(answer.status, 200);
        world.restart_all(|_| {}).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_node_that_has_lost_its_floors_makes_no_empty_ones() {
    // given a node that has taken part, and has lost its floors, and what tells whose they are
    for lost in [&["floor"][..], &["floor", "NODE"]] {
        let mut world = World::new(3).await;
        world.stop(3).await;
        let data = world.config(3).data;
        for name in lost {
            fs::remove_file(data.join(name)).unwrap();
        }
        // then it does not take part again
        let why = world.start_that_fails(3).await;
        assert!(why.contains("(DATA/floor) is gone"), "{lost:?}: {why}");
        assert!(!data.join("floor").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_confirms_the_rights_of_its_state_to_the_owner_alone() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 5).await;
    let rights = put(&world, &ada, ada.rights(shared.grant, 2, 3)).await;
    let descriptor = world.descriptor().await;
    for node in 1..=3 {
        let answer: Confirmed = confirm(&world, &ada, node, &shared, 2).await.read();
        let key: PublicKey = descriptor.nodes[node as usize - 1].key;
        let expected = Confirmation {
            node: key,
            cluster: world.cluster,
            grant: shared.grant,
            version: 2,
            rights: rights.hash(),
        };
        assert_eq!(answer.confirmation.verify().unwrap(), expected);
    }
    // A version that the ledger does not have is not confirmed.
    let later = confirm(&world, &ada, 1, &shared, 3).await;
    assert_eq!((later.status, later.code().as_str()), (503, "unavailable"));
    // Nor is anything confirmed to others.
    let bobs = confirm(&world, &bob, 1, &shared, 2).await;
    assert_eq!((bobs.status, bobs.code().as_str()), (404, "not_found"));
}
