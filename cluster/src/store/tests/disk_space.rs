//! A store whose disk becomes low, and has room again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::stream;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftSnapshotBuilder, RaftStateMachine};

use super::super::snapshot::{load, load_space};
use super::snapshots::build;
use super::world::*;
use crate::consensus_types::aliases::Vote;
use crate::host::disk_space::Reserve;
use crate::host::disk_space::tests::Told;
use crate::store::{Opened, Options, SnapshotError};

const RESERVE: u64 = 1 << 20;

/// Options of a disk whose free bytes a test sets.
fn measured(told: &Arc<Told>) -> Options {
    Options {
        meter: told.clone(),
        reserve: Reserve::Bytes(RESERVE),
        ..options()
    }
}

#[tokio::test]
async fn given_a_low_disk_then_state_and_snapshots_wait_for_room_and_the_log_goes_on() {
    let world = World::new();
    let told = Told::new(u64::MAX);
    let mut opened = world.try_open(measured(&told)).unwrap();
    commit(&mut opened, append_indexes(0, 5)).await;
    told.set(0);
    assert!(opened.space.measure().is_low);
    // then the state is not written, and no snapshot is received or built
    let shared = opened.state.shared.clone();
    shared.drain_signal.request();
    let is_written = shared.generation().wait_written(Duration::from_millis(200));
    assert!(!is_written);
    let refused = opened.snapshots.begin_receiving(1).await;
    assert!(matches!(refused, Err(SnapshotError::Low(_))), "{refused:?}");
    let builder = opened.state_machine.try_create_snapshot_builder(true).await;
    let mut builder = builder.unwrap();
    let mut building = tokio::spawn(async move { builder.build_snapshot().await });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut building).await;
    assert!(early.is_err(), "{early:?}");
    // and votes, and entries that are on their way, are written
    vote(&mut opened, 3).await;
    commit(&mut opened, append_indexes(5, 7)).await;
    // and all of it goes on by itself
    told.set(u64::MAX);
    opened.space.measure();
    drain(&opened);
    let built = building.await.unwrap().unwrap();
    assert_eq!(built.meta.last_log_id, Some(log_id(1, 6)));
    assert_eq!(opened.state.failure(), None);
}

#[tokio::test]
async fn given_a_snapshot_that_leaves_no_reserve_with_its_database_then_it_is_not_received() {
    let world = World::new();
    let length = 8 << 20;
    let needed = length + load_space(length);
    let told = Told::new(RESERVE + needed);
    let opened = world.try_open(measured(&told)).unwrap();
    assert!(opened.snapshots.begin_receiving(length).await.is_ok());
    told.set(RESERVE + needed - 1);
    assert!(!opened.space.measure().is_low);
    let refused = opened.snapshots.begin_receiving(length).await;
    assert!(matches!(refused, Err(SnapshotError::Low(_))), "{refused:?}");
}

#[tokio::test]
async fn the_database_of_a_snapshot_takes_no_more_space_than_is_asked_for_it() {
    for (rows, bytes) in [(60_000, 20), (10_000, 300), (1_500, 4_000), (100, 65_536)] {
        let world = World::new();
        let mut opened = world.open();
        // Of no pattern: sled does not compress, and must not have to.
        let value = |row: u64| {
            let mut value = vec![0; bytes / 2];
            blake3::Hasher::new()
                .update(&row.to_le_bytes())
                .finalize_xof()
                .fill(&mut value);
            data_encoding::HEXLOWER.encode(&value)
        };
        let row = |row| command(1, row, &format!("row {row:06}={}", value(row)));
        commit(&mut opened, (0..rows).map(row).collect()).await;
        let built = build(&mut opened).await;
        let folder = world.dir().join("loaded");
        let generation = load(&built.snapshot, &folder).unwrap();
        let taken = space_of(&folder);
        drop(generation);
        let (length, taken) = (built.snapshot.len(), taken.max(space_of(&folder)));
        let figures = format!("{rows} rows of {bytes}: snapshot {length}, database {taken}");
        assert!(taken <= load_space(length), "{figures}");
    }
}

/// Bytes of blocks of a folder.
fn space_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| {
        let metadata = entry.metadata().unwrap();
        match metadata.is_dir() {
            true => space_of(&entry.path()),
            false => metadata.blocks() * 512,
        }
    });
    sizes.sum()
}

/// The write-behind stands still while the disk is low; the node must not.
#[tokio::test]
async fn given_a_low_disk_and_a_full_overlay_then_the_log_is_applied_and_what_waits_goes_on() {
    let world = World::new();
    let told = Told::new(u64::MAX);
    let tight = Options {
        overlay_bytes: 2_000,
        overlay_bytes_when_low: 40_000,
        ..measured(&told)
    };
    let mut opened = world.try_open(tight).unwrap();
    told.set(0);
    assert!(opened.space.measure().is_low);
    let row = |index| command(1, index, &format!("row {index}={}", "x".repeat(500)));
    // when more is applied than the overlay takes otherwise
    commit(&mut opened, (0..40).map(row).collect()).await;
    let overlay = opened.state.shared.generation().overlay_bytes();
    assert!((2_000..40_000).contains(&overlay), "{overlay}");
    // and more than it takes at all
    let rest: Vec<_> = (40..200).map(row).collect();
    append(&mut opened, rest.clone()).await;
    let (mut log, space) = (opened.log.clone(), opened.space.clone());
    let mut applying = tokio::spawn(async move {
        apply(&mut opened, rest).await;
        opened
    });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut applying).await;
    assert!(early.is_err(), "memory has a limit");
    // then votes are written meanwhile
    log.save_vote(&Vote::new(7, NodeId(1))).await.unwrap();
    // and all of it is applied once there is room
    told.set(u64::MAX);
    space.measure();
    let opened = applying.await.unwrap();
    assert_eq!(opened.state.applied(), Some((1, 199)));
    drop(log);
    close(opened).unwrap();
}

#[tokio::test]
async fn given_entries_that_wait_for_room_when_the_node_stops_then_the_next_start_has_them() {
    let world = World::new();
    let told = Told::new(0);
    let tight = Options {
        overlay_bytes: 2_000,
        overlay_bytes_when_low: 2_000,
        ..measured(&told)
    };
    let mut opened = world.try_open(tight).unwrap();
    let row = |index| command(1, index, &format!("row {index}={}", "x".repeat(500)));
    let entries: Vec<_> = (0..100).map(row).collect();
    append(&mut opened, entries.clone()).await;
    let Opened {
        log,
        mut state_machine,
        state,
        snapshots,
        store,
        ..
    } = opened;
    let given = entries.clone();
    let mut applying = tokio::spawn(async move {
        let entries = stream::iter(given.into_iter().map(|entry| Ok((entry, None))));
        state_machine.apply(entries).await
    });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut applying).await;
    assert!(early.is_err());
    store.close().unwrap();
    applying.abort();
    assert!(applying.await.is_err());
    drop((log, state, snapshots));
    let mut opened = world.open();
    let log = opened.log.try_get_log_entries(..).await.unwrap();
    assert_eq!(log, entries);
}
