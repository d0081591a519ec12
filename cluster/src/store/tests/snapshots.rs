//! Snapshots: building, transfer, installation and damage.

use std::fs;
use std::time::Duration;

use futures_util::FutureExt;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftSnapshotBuilder, RaftStateMachine};
use tokio::io::AsyncReadExt;

use super::super::snapshot::{Snapshot, capture};
use super::world::*;
use crate::certificate::tests::{certificate, voters};
use crate::store::{Opened, Options, SnapshotError, Snapshots, State};

pub async fn build(opened: &mut Opened) -> Snapshot {
    let builder = opened.state_machine.try_create_snapshot_builder(true).await;
    builder.unwrap().build_snapshot().await.unwrap()
}

/// The newest state, captured as at a fixed index, and signed by two of the three test voters.
pub async fn build_certified(opened: &Opened) -> Snapshot {
    certify(&opened.state, &opened.snapshots).await
}

pub async fn certify(state: &State, snapshots: &Snapshots) -> Snapshot {
    let mut pending = snapshots.checkpoints().pending();
    let (_, wanted) = state.applied().unwrap();
    capture(state, snapshots);
    let reached = pending.wait_for(|point| point.is_some_and(|point| point.index >= wanted));
    let point = tokio::time::timeout(Duration::from_secs(20), reached);
    let point = point.await.unwrap().unwrap().unwrap();
    let signed = certificate(&[1, 2], &point);
    assert!(snapshots.certify(&point, &signed).unwrap());
    snapshots.current().unwrap()
}

/// Receives these bytes of a snapshot file.
pub async fn receive(to: &Opened, bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
    let len = bytes.len() as u64;
    let mut receiving = to.snapshots.begin_receiving(len).await?;
    receiving.write(bytes).await?;
    receiving.finish(voters()).await
}

pub fn received_files(world: &World) -> usize {
    fs::read_dir(world.dir().join("snapshots")).unwrap().count()
}

/// Sends a snapshot in small pieces.
async fn send(snapshot: &Snapshot, to: &Opened) -> Snapshot {
    let mut from = snapshot.snapshot.open().await.unwrap();
    let mut receiving = to
        .snapshots
        .begin_receiving(snapshot.snapshot.len())
        .await
        .unwrap();
    let mut piece = [0; 37];
    loop {
        match from.read(&mut piece).await.unwrap() {
            0 => return receiving.finish(voters()).await.unwrap(),
            n => receiving.write(&piece[..n]).await.unwrap(),
        }
    }
}

async fn install(opened: &mut Opened, snapshot: Snapshot) {
    let Snapshot { meta, snapshot } = snapshot;
    opened
        .state_machine
        .install_snapshot(&meta, snapshot)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_snapshot_transfers_the_whole_state_to_another_node() {
    let (world, other) = (World::new(), World::new());
    let mut opened = world.open();
    let rows = (0..3000).map(|index| command(1, index, &format!("row {index:05}=value {index}")));
    commit(&mut opened, rows.collect()).await;
    drain(&opened);
    commit(
        &mut opened,
        vec![
            command(1, 3000, "row 00007"),
            command(1, 3001, "row 00008=new"),
        ],
    )
    .await;
    let snapshot = build_certified(&opened).await;
    assert_eq!(snapshot.meta.last_log_id, Some(log_id(1, 3001)));

    let mut behind = other.open();
    commit(&mut behind, vec![command(1, 0, "stale=1")]).await;
    let nobody = "nobody".parse().unwrap();
    let mut subscribed = behind.state.subscriptions().user(nobody);
    let received = send(&snapshot, &behind).await;
    assert_eq!(received.meta, snapshot.meta);
    install(&mut behind, received).await;

    assert_eq!(behind.state.hash(), opened.state.hash());
    assert_eq!(row(&behind, "stale"), None);
    assert_eq!(row(&behind, "row 00007"), None);
    assert_eq!(row(&behind, "row 00008").unwrap(), "new");
    assert!(subscribed.changed().now_or_never().is_some());
    assert_eq!(
        behind
            .state_machine
            .get_current_snapshot()
            .await
            .unwrap()
            .unwrap()
            .meta,
        snapshot.meta
    );

    // The state is the same after a kill, with or without sled.
    behind.log.purge(log_id(1, 3001)).await.unwrap();
    drop(behind);
    let behind = other.open();
    assert_eq!(behind.state.hash(), opened.state.hash());
    drop(behind);
    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let behind = other.try_open(rebooted).unwrap();
    assert_eq!(behind.state.hash(), opened.state.hash());
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_written_leaves_the_previous_one() {
    // given a snapshot, and then no place for another one
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 10)).await;
    let first = build(&mut opened).await;
    commit(&mut opened, append_indexes(10, 20)).await;
    let (folder, away) = (world.dir().join("snapshots"), world.dir().join("away"));
    fs::rename(&folder, &away).unwrap();
    // when the next one is built, then the first stays the current one
    assert_eq!(build(&mut opened).await.meta, first.meta);
    // and a later build succeeds
    fs::rename(&away, &folder).unwrap();
    let next = build(&mut opened).await;
    assert_eq!(next.meta.last_log_id, Some(log_id(1, 19)));
}

#[tokio::test]
async fn a_view_from_before_an_install_does_not_change() {
    let (world, other) = (World::new(), World::new());
    let mut opened = world.open();
    commit(
        &mut opened,
        vec![command(1, 0, "a=new"), command(1, 1, "b=1")],
    )
    .await;
    let snapshot = build_certified(&opened).await;
    let mut behind = other.open();
    commit(&mut behind, vec![command(1, 0, "a=old")]).await;

    let view = behind.state.view();
    let received = send(&snapshot, &behind).await;
    install(&mut behind, received).await;

    use cameo_machine::StateView;
    assert_eq!(view.get(b"a").unwrap(), b"old");
    assert_eq!(row(&behind, "a").unwrap(), "new");
}

#[tokio::test]
async fn a_crash_between_receiving_and_installing_ends_at_the_snapshot() {
    let (world, other) = (World::new(), World::new());
    let mut opened = world.open();
    commit(
        &mut opened,
        vec![blank(1, 0), command(2, 1, "a=1"), command(2, 2, "b=1")],
    )
    .await;
    let snapshot = build_certified(&opened).await;
    // This node followed a deposed leader: its last entries conflict with the snapshot.
    let mut behind = other.open();
    append(
        &mut behind,
        vec![
            blank(1, 0),
            blank(1, 1),
            blank(1, 2),
            blank(1, 3),
            blank(1, 4),
        ],
    )
    .await;
    send(&snapshot, &behind).await;
    drop(behind);

    let mut behind = other.open();

    assert_eq!(behind.state.hash(), opened.state.hash());
    let state = behind.log.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(2, 2)));
    append(&mut behind, vec![blank(2, 3)]).await;
    assert_eq!(
        behind.log.try_get_log_entries(..).await.unwrap(),
        vec![blank(2, 3)]
    );
}

#[tokio::test]
async fn a_purge_beyond_the_log_removes_entries_of_deposed_leaders() {
    let world = World::new();
    let mut opened = world.open();
    append(
        &mut opened,
        vec![blank(1, 0), blank(1, 1), blank(1, 2), blank(1, 3)],
    )
    .await;
    opened.log.purge(log_id(2, 1)).await.unwrap();
    append(&mut opened, vec![blank(2, 2)]).await;
    assert_eq!(
        opened.log.try_get_log_entries(..).await.unwrap(),
        vec![blank(2, 2)]
    );
}

#[tokio::test]
async fn attack_a_damaged_snapshot_is_refused_on_reception() {
    let (world, other) = (World::new(), World::new());
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 6)).await;
    build_certified(&opened).await;
    let good = fs::read(world.snapshot_file()).unwrap();
    let to = other.open();

    let mut bad: Vec<Vec<u8>> = (0..good.len())
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        })
        .collect();
    bad.extend((0..good.len()).map(|len| good[..len].to_vec()));
    bad.push([good.as_slice(), b"x"].concat());
    for bytes in bad {
        receive(&to, &bytes).await.unwrap_err();
    }

    assert_eq!(received_files(&other), 0);
    assert!(to.snapshots.current().is_none());
}

#[tokio::test]
async fn attack_the_size_and_number_of_received_snapshots_are_limited() {
    let world = World::new();
    let opened = world.open();
    let refused = opened
        .snapshots
        .begin_receiving(u64::MAX)
        .await
        .unwrap_err();
    assert!(matches!(refused, SnapshotError::TooLarge));
    let mut first = opened.snapshots.begin_receiving(4).await.unwrap();
    let refused = first.write(b"12345").await.unwrap_err();
    assert!(matches!(refused, SnapshotError::TooLarge));
    let _second = opened.snapshots.begin_receiving(4).await.unwrap();
    let refused = opened.snapshots.begin_receiving(4).await.unwrap_err();
    assert!(matches!(refused, SnapshotError::Busy));
    drop(first);
    opened.snapshots.begin_receiving(4).await.unwrap();
}

#[tokio::test]
async fn a_damaged_snapshot_on_disk_is_renamed_and_the_previous_one_is_used() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 4)).await;
    build(&mut opened).await;
    commit(&mut opened, append_indexes(4, 8)).await;
    build(&mut opened).await;
    drain(&opened);
    drop(opened);
    let path = world.snapshot_file();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();

    let opened = world.open();

    assert!(!path.exists());
    assert_eq!(
        opened.snapshots.current().unwrap().meta.last_log_id,
        Some(log_id(1, 3))
    );
    assert_eq!(opened.state.applied(), Some((1, 7)));
}

#[tokio::test]
async fn old_snapshots_are_removed() {
    let world = World::new();
    let mut opened = world.open();
    for index in 0..5 {
        commit(&mut opened, append_indexes(index, index + 1)).await;
        build(&mut opened).await;
    }
    assert_eq!(
        fs::read_dir(world.dir().join("snapshots")).unwrap().count(),
        2
    );
}

#[tokio::test]
async fn a_snapshot_during_heavy_writing_is_aborted_and_the_previous_one_kept() {
    let world = World::new();
    let tight = Options {
        walk_overlay_bytes: 1,
        ..options()
    };
    let mut opened = world.try_open(tight).unwrap();
    commit(&mut opened, append_indexes(0, 3)).await;
    // The first one is not aborted: without a snapshot a node could not help others to catch up.
    let first = build(&mut opened).await;
    assert_eq!(first.meta.last_log_id, Some(log_id(1, 2)));

    // A reader keeps the write-behind from catching up.
    let view = opened.state.view();
    commit(&mut opened, append_indexes(3, 6)).await;
    assert_eq!(build(&mut opened).await.meta, first.meta);
    drop(view);

    drain(&opened);
    assert_eq!(
        build(&mut opened).await.meta.last_log_id,
        Some(log_id(1, 5))
    );
}
