//! Recovery after a kill, and directories on which a node must not start.

use std::fs::{self, OpenOptions};
use std::io::Write;

use openraft::storage::{RaftLogReader, RaftLogStorage};

use super::world::*;
use crate::store::wal::WalError;
use crate::store::{OpenError, Options};

pub(super) fn shorten(path: &std::path::Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes)
        .unwrap();
}

fn extend(path: &std::path::Path, bytes: &[u8]) {
    OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

#[tokio::test]
async fn vote_entries_and_committed_survive_a_kill() {
    let world = World::new();
    let mut opened = world.open();
    vote(&mut opened, 3).await;
    append(&mut opened, append_indexes(0, 20)).await;
    RaftLogStorage::save_committed(&mut opened.log, Some(log_id(1, 11)))
        .await
        .unwrap();
    append(&mut opened, append_indexes(20, 21)).await;
    drop(opened);

    let mut opened = world.open();
    assert_eq!(
        opened
            .log
            .read_vote()
            .await
            .unwrap()
            .unwrap()
            .leader_id
            .term,
        3
    );
    assert_eq!(
        opened.log.try_get_log_entries(..).await.unwrap(),
        append_indexes(0, 21)
    );
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(1, 11))
    );
    assert!(!opened.pristine);
}

#[tokio::test]
async fn a_truncation_and_a_purge_survive_a_kill() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, append_indexes(0, 20)).await;
    opened
        .log
        .truncate_after(Some(log_id(1, 14)))
        .await
        .unwrap();
    append(&mut opened, vec![blank(2, 15)]).await;
    apply(&mut opened, append_indexes(0, 10)).await;
    drain(&opened);
    opened.log.purge(log_id(1, 9)).await.unwrap();
    drop(opened);

    let mut opened = world.open();
    let state = opened.log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 9)));
    assert_eq!(state.last_log_id, Some(log_id(2, 15)));
    assert_eq!(opened.log.try_get_log_entries(..).await.unwrap().len(), 6);
}

#[tokio::test]
async fn an_incomplete_record_at_the_end_is_cut_off() {
    for torn in 1..60 {
        let world = World::new();
        let mut opened = world.open();
        append(&mut opened, append_indexes(0, 5)).await;
        let before = fs::metadata(world.log_file()).unwrap().len();
        append(
            &mut opened,
            vec![command(1, 5, "never acknowledged, and of some length=1")],
        )
        .await;
        let record = fs::metadata(world.log_file()).unwrap().len() - before;
        drop(opened);
        if torn >= record {
            return;
        }

        shorten(&world.log_file(), torn);

        let mut opened = world.open();
        assert_eq!(
            opened.log.try_get_log_entries(..).await.unwrap(),
            append_indexes(0, 5),
            "torn by {torn}"
        );
        append(&mut opened, append_indexes(5, 9)).await;
        drop(opened);
        let mut opened = world.open();
        assert_eq!(
            opened.log.try_get_log_entries(..).await.unwrap(),
            append_indexes(0, 9),
            "torn by {torn}"
        );
    }
}

#[tokio::test]
async fn zeros_of_an_extended_file_are_cut_off() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, append_indexes(0, 5)).await;
    drop(opened);

    extend(&world.log_file(), &[0; 4096]);

    let mut opened = world.open();
    assert_eq!(
        opened.log.try_get_log_entries(..).await.unwrap(),
        append_indexes(0, 5)
    );
}

#[tokio::test]
async fn damage_before_valid_records_prevents_the_start() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, append_indexes(0, 9)).await;
    drop(opened);
    let path = world.log_file();
    let pristine = fs::read(&path).unwrap();

    // Any byte of the middle third, in a length or a payload, so that records follow.
    for at in pristine.len() / 3..pristine.len() * 2 / 3 {
        let mut bytes = pristine.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();

        let refused = world.try_open(options()).unwrap_err();

        assert!(
            matches!(refused, OpenError::Wal(WalError::DamagedInside { .. })),
            "byte {at}: {refused}"
        );
        assert_eq!(
            fs::read(&path).unwrap(),
            bytes,
            "byte {at}: the damaged file is not changed"
        );
    }
}

#[tokio::test]
async fn a_lost_log_file_prevents_the_start() {
    let world = World::new();
    let mut opened = world.open();
    let big = "x".repeat(3 << 20);
    for index in 0..24 {
        append(&mut opened, vec![command(1, index, &format!("big={big}"))]).await;
    }
    drop(opened);
    let mut files: Vec<_> = fs::read_dir(world.dir().join("wal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "wal"))
        .collect();
    files.sort();
    assert!(files.len() >= 3, "the log should have several files");

    fs::remove_file(&files[0]).unwrap();

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Wal(WalError::Gap { missing: 0 })),
        "{refused}"
    );
}

#[tokio::test]
async fn a_log_that_ends_before_an_applied_entry_prevents_the_start() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 5)).await;
    let before = fs::metadata(world.log_file()).unwrap().len();
    commit(&mut opened, append_indexes(5, 9)).await;
    drain(&opened);
    drop(opened);
    let path = world.log_file();
    let now = fs::metadata(&path).unwrap().len();

    // Entries 5 to 8 were on disk and applied; the file system loses them.
    shorten(&path, now - before);

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::EndsBeforeApplied { applied: 8, .. }),
        "{refused}"
    );
    // Also when sled itself would not be trusted any more.
    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let refused = world.try_open(rebooted).unwrap_err();
    assert!(
        matches!(refused, OpenError::EndsBeforeApplied { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_log_that_ends_before_the_local_snapshot_prevents_the_start_even_without_sled() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 5)).await;
    let before = fs::metadata(world.log_file()).unwrap().len();
    commit(&mut opened, append_indexes(5, 9)).await;
    super::snapshots::build(&mut opened).await;
    drop(opened);
    let path = world.log_file();
    let now = fs::metadata(&path).unwrap().len();

    shorten(&path, now - before);
    fs::remove_dir_all(world.state_dir()).unwrap();

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::EndsBeforeApplied { applied: 8, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_log_that_differs_from_an_applied_entry_prevents_the_start() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, vec![blank(1, 0), blank(1, 1), blank(1, 2)]).await;
    apply(&mut opened, vec![blank(1, 0), blank(2, 1)]).await;
    drain(&opened);
    drop(opened);

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Diverged { index: 1 }),
        "{refused}"
    );
}
