//! A store whose disk becomes low, and has room again.

use std::time::Duration;

use openraft::storage::{RaftSnapshotBuilder, RaftStateMachine};

use super::world::*;
use crate::host::disk_space::tests::Told;
use crate::store::{Options, SnapshotError};

#[tokio::test]
async fn given_a_low_disk_then_state_and_snapshots_wait_for_room_and_the_log_goes_on() {
    let world = World::new();
    let told = Told::new(u64::MAX);
    let measured = Options {
        meter: told.clone(),
        ..options()
    };
    let mut opened = world.try_open(measured).unwrap();
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
    let room = 1 << 20;
    let measured = Options {
        meter: Told::new(crate::host::disk_space::RESERVE_BYTES + room),
        ..options()
    };
    let opened = world.try_open(measured).unwrap();
    assert!(!opened.space.is_low());
    assert!(opened.snapshots.begin_receiving(room / 5).await.is_ok());
    let refused = opened.snapshots.begin_receiving(room / 2).await;
    assert!(matches!(refused, Err(SnapshotError::Low(_))), "{refused:?}");
}
