//! Verification of a state that its start has not read.

use std::fs;
use std::time::Duration;

use tokio::time::Instant;

use super::super::snapshot::capture;
use super::world::*;
use crate::consensus_types::aliases::Entry;
use crate::store::layout::DirectoryError;
use crate::store::{OpenError, Opened, Options, Source};

/// Starts a node as if its state was a large one.
fn start(world: &World) -> Opened {
    let large = || Options {
        read_at_start_bytes: 0,
        ..options()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match world.try_open(large()) {
            // The one before has not ended yet.
            Err(OpenError::Directory(DirectoryError::Locked(_))) if Instant::now() < deadline => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

fn rows(from: u64, to: u64) -> Vec<Entry> {
    let row = |index| command(1, index, &format!("row {index:05}={index}"));
    (from..to).map(row).collect()
}

fn is_unverified(world: &World) -> bool {
    world.dir().join("UNVERIFIED").exists()
}

/// Waits for the end of the verification; the failure, if any.
fn verified(world: &World, opened: &Opened) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let failure = opened.state.failure();
        if failure.is_some() || !is_unverified(world) {
            return failure;
        }
        assert!(Instant::now() < deadline, "not verified");
        std::thread::yield_now();
    }
}

/// A node with rows in sled and in the overlay, that was killed.
async fn killed() -> World {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, rows(0, 600)).await;
    drain(&opened);
    commit(&mut opened, rows(600, 620)).await;
    world
}

#[tokio::test]
async fn given_a_large_state_when_a_node_starts_then_it_serves_before_the_state_is_verified() {
    let world = killed().await;
    // when it starts, and goes on to write
    let mut opened = start(&world);
    let source = &opened.source;
    assert!(
        matches!(source, Source::State { applied: Some(599) }),
        "{source}"
    );
    apply(&mut opened, rows(600, 620)).await;
    commit(&mut opened, rows(620, 640)).await;
    drain(&opened);
    // then its state is found to be intact
    assert_eq!(verified(&world, &opened), None);
    assert!(!is_unverified(&world));
}

#[tokio::test]
async fn given_a_lost_row_when_a_node_starts_then_it_fails_and_the_next_start_rebuilds_the_state() {
    // given a state of which a row is lost behind the store's back
    let world = killed().await;
    let intact = {
        let opened = world.open();
        opened.state.shared.generation().lose_row(b"row 00300");
        opened.state.hash()
    };
    // when the node starts, then the loss is found
    let opened = start(&world);
    let failure = verified(&world, &opened).unwrap();
    assert!(failure.contains("differ from their digest"), "{failure}");
    drop(opened);
    // and the next start rebuilds it, as far as the log goes
    let mut opened = start(&world);
    let source = &opened.source;
    assert!(matches!(source, Source::Log { .. }), "{source}");
    assert!(!is_unverified(&world));
    apply(&mut opened, rows(0, 600)).await;
    assert_eq!(opened.state.hash(), intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_lost_row_when_a_snapshot_is_taken_then_there_is_none_and_the_node_fails() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, rows(0, 600)).await;
    drain(&opened);
    opened.state.shared.generation().lose_row(b"row 00300");
    // when the state is captured as at a fixed index
    capture(&opened.state, &opened.snapshots);
    // then its rows are not those that the voters sign
    let deadline = Instant::now() + Duration::from_secs(20);
    let failure = loop {
        if let Some(failure) = opened.state.failure() {
            break failure;
        }
        assert!(Instant::now() < deadline, "no failure");
        tokio::task::yield_now().await;
    };
    assert!(failure.contains("differ from their digest"), "{failure}");
    assert!(opened.snapshots.current().is_none());
    assert_eq!(*opened.snapshots.checkpoints().pending().borrow(), None);
}

#[tokio::test]
async fn starts_that_do_not_verify_the_state_are_counted_until_one_reads_it() {
    let world = killed().await;
    let file = world.dir().join("UNVERIFIED");
    for starts in ["1\n", "2\n", "3\n"] {
        fs::write(&file, starts).unwrap();
        let before: u32 = starts.trim().parse().unwrap();
        let opened = start(&world);
        let is_read = before >= 3;
        assert_eq!(opened.store.is_verifying(), !is_read, "{before}");
        if is_read {
            assert!(!is_unverified(&world));
        }
    }
    // a file that cannot be understood counts as many
    fs::write(&file, "?").unwrap();
    assert!(!start(&world).store.is_verifying());
}
