//! Certified snapshots: capture at fixed indexes, and what is refused without its signatures.

use std::fs;
use std::path::Path;
use std::time::Duration;

use openraft::storage::{RaftSnapshotBuilder, RaftStateMachine};
use tokio::time::Instant;

use super::super::snapshot::{Reader, Writer};
use super::snapshots::{build, build_certified, receive, received_files};
use super::world::*;
use crate::certificate::StatePoint;
use crate::certificate::tests::certificate;
use crate::consensus_types::aliases::{LogId, StoredMembership};
use crate::store::{Applied, Opened, SnapshotError};

/// Opens a store with a fixed index each `every` entries.
fn open_with_interval(world: &World, every: u64) -> Opened {
    let opened = world.open();
    opened.snapshots.checkpoints().set_interval(every);
    opened
}

/// The state at a fixed index that was applied. Captured in the background.
async fn point_at(opened: &Opened, index: u64) -> StatePoint {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(point) = opened.snapshots.checkpoints().at(index) {
            return point;
        }
        assert!(Instant::now() < end, "no state at {index}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_apply_the_same_entries_sign_the_same_states() {
    // given a node that writes behind, one that has not, and one that begins in between
    let (one, two) = (World::new(), World::new());
    let (mut first, mut second) = (open_with_interval(&one, 5), open_with_interval(&two, 5));
    commit(&mut first, append_indexes(0, 4)).await;
    drain(&first);
    commit(&mut first, append_indexes(4, 13)).await;
    for index in 0..13 {
        commit(&mut second, append_indexes(index, index + 1)).await;
    }
    // then they sign the same at each fixed index, and nothing elsewhere
    for index in [5, 10] {
        let point = point_at(&first, index).await;
        assert_eq!(point, point_at(&second, index).await);
        assert_eq!((point.term, point.index), (1, index));
    }
    assert_eq!(first.snapshots.checkpoints().at(12), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_the_state_at_its_fixed_index_and_current_once_it_is_certified() {
    let (world, other) = (World::new(), World::new());
    let mut opened = open_with_interval(&world, 5);
    // given a snapshot at 5, and entries after it
    commit(&mut opened, append_indexes(0, 8)).await;
    let mut pending = opened.snapshots.checkpoints().pending();
    let point = *pending.wait_for(Option::is_some).await.unwrap();
    let point = point.unwrap();
    assert_eq!(point.index, 5);
    // then it is neither current nor told to consensus
    assert!(opened.snapshots.current().is_none());
    let builder = opened
        .state_machine
        .try_create_snapshot_builder(false)
        .await;
    assert!(builder.is_none());
    // when the voters have signed it
    let other_point = StatePoint { index: 6, ..point };
    let signed = certificate(&[1, 2], &point);
    assert!(!opened.snapshots.certify(&other_point, &signed).unwrap());
    assert!(opened.snapshots.certify(&point, &signed).unwrap());
    // then it is, and holds what entry 5 had made
    let builder = opened
        .state_machine
        .try_create_snapshot_builder(false)
        .await;
    let built = builder.unwrap().build_snapshot().await.unwrap();
    assert_eq!(built.meta.last_log_id, Some(log_id(1, 5)));
    let mut behind = other.open();
    let bytes = fs::read(world.snapshot_file()).unwrap();
    let received = receive(&behind, &bytes).await.unwrap();
    behind
        .state_machine
        .install_snapshot(&received.meta, received.snapshot)
        .await
        .unwrap();
    assert_eq!(row(&behind, "all").unwrap(), "0,1,2,3,4,5,");
    // and after a restart it can still be sent
    drop(opened);
    let again = world.open();
    assert!(again.snapshots.current().unwrap().snapshot.is_certified());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_never_certified_leaves_no_file() {
    let world = World::new();
    let mut opened = open_with_interval(&world, 5);
    commit(&mut opened, append_indexes(0, 8)).await;
    let mut pending = opened.snapshots.checkpoints().pending();
    pending.wait_for(Option::is_some).await.unwrap();
    assert_eq!(received_files(&world), 1, "the unfinished one");
    drop(opened);
    assert!(world.open().snapshots.current().is_none());
    assert_eq!(received_files(&world), 0);
}

/// The rows of a snapshot file under another header, with a right checksum.
fn rewritten(
    file: &Path,
    at: &Path,
    header: impl FnOnce(&mut Applied),
    lost_rows: usize,
    by: &[u8],
) -> Vec<u8> {
    let mut reader = Reader::open(file).unwrap();
    let mut applied = reader.applied().clone();
    let mut rows = reader.next_rows(1000).unwrap();
    assert!(reader.next_rows(1).unwrap().is_empty());
    // The certificate of the state that it was.
    let mut digest = cameo_machine::LtHash::default();
    for (key, value) in &rows {
        digest.add(key, value);
    }
    let signed = certificate(by, &applied.point(&digest.hash().0).unwrap());
    header(&mut applied);
    rows.truncate(rows.len() - lost_rows);
    let mut writer = Writer::create(at, &applied).unwrap();
    writer.rows(&rows).unwrap();
    writer.finish(Some(&signed)).unwrap();
    fs::read(at).unwrap()
}

#[tokio::test]
async fn attack_a_snapshot_that_the_voters_have_not_signed_is_refused_and_leaves_nothing() {
    let (world, other) = (World::new(), World::new());
    let mut opened = world.open();
    let rows = (0..6).map(|index| command(1, index, &format!("row {index}=1")));
    commit(&mut opened, rows.collect()).await;
    build_certified(&opened).await;
    let (file, at) = (world.snapshot_file(), world.dir().join("forged"));
    let renamed = |id: LogId| move |applied: &mut Applied| applied.log_id = Some(id);
    let same = |_: &mut Applied| {};
    let other_members = |applied: &mut Applied| {
        let membership = applied.membership.membership().clone();
        applied.membership = StoredMembership::new(Some(log_id(1, 2)), membership);
    };
    let forged = [
        (
            "a later index",
            rewritten(&file, &at, renamed(log_id(1, 9)), 0, &[1, 2]),
        ),
        (
            "a later term",
            rewritten(&file, &at, renamed(log_id(7, 5)), 0, &[1, 2]),
        ),
        (
            "another membership",
            rewritten(&file, &at, other_members, 0, &[1, 2]),
        ),
        ("a lost row", rewritten(&file, &at, same, 1, &[1, 2])),
        ("one signature", rewritten(&file, &at, same, 0, &[1])),
        (
            "one signature twice",
            rewritten(&file, &at, same, 0, &[3, 3]),
        ),
        (
            "a stranger's signature",
            rewritten(&file, &at, same, 0, &[1, 9]),
        ),
    ];
    let good = rewritten(&file, &at, same, 0, &[1, 2]);
    let mut behind = other.open();
    commit(&mut behind, vec![command(1, 0, "kept=1")]).await;
    for (what, bytes) in forged {
        let refused = receive(&behind, &bytes).await.unwrap_err();
        assert!(
            matches!(refused, SnapshotError::NotCertified(_)),
            "{what}: {refused}"
        );
        assert_eq!(received_files(&other), 0, "{what}");
    }
    // A local one, without a certificate, is refused too.
    fs::remove_file(&file).unwrap();
    build(&mut opened).await;
    let local = fs::read(world.snapshot_file()).unwrap();
    receive(&behind, &local).await.unwrap_err();
    // and the state is what it was, also after a restart
    drain(&behind);
    drop(behind);
    let behind = other.open();
    assert!(behind.snapshots.current().is_none());
    assert_eq!(behind.state.applied(), Some((1, 0)));
    // The same rewriting without a change is taken: the forgeries were refused for what they are.
    receive(&behind, &good).await.unwrap();
}
