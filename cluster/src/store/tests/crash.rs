//! What a node finds after it was killed, and what it refuses to start on.

use std::fs::{self, OpenOptions};
use std::io::Write;

use cameo_common::ids::{ClusterId, NodeId};
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftStateMachine};

use super::world::*;
use crate::store::wal::WalError;
use crate::store::{OpenError, Opened, Options};

fn cut(path: &std::path::Path, bytes: u64) {
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
    append(&mut opened, tally(0, 20)).await;
    RaftLogStorage::save_committed(&mut opened.log, Some(log_id(1, 11)))
        .await
        .unwrap();
    append(&mut opened, tally(20, 21)).await;
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
        tally(0, 21)
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
    append(&mut opened, tally(0, 20)).await;
    opened
        .log
        .truncate_after(Some(log_id(1, 14)))
        .await
        .unwrap();
    append(&mut opened, vec![blank(2, 15)]).await;
    apply(&mut opened, tally(0, 10)).await;
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
async fn an_unfinished_record_at_the_end_is_cut() {
    for torn in 1..60 {
        let world = World::new();
        let mut opened = world.open();
        append(&mut opened, tally(0, 5)).await;
        let before = fs::metadata(world.log_file()).unwrap().len();
        append(
            &mut opened,
            vec![word(1, 5, "never acknowledged, and of some length=1")],
        )
        .await;
        let record = fs::metadata(world.log_file()).unwrap().len() - before;
        drop(opened);
        if torn >= record {
            return;
        }

        cut(&world.log_file(), torn);

        let mut opened = world.open();
        assert_eq!(
            opened.log.try_get_log_entries(..).await.unwrap(),
            tally(0, 5),
            "torn by {torn}"
        );
        append(&mut opened, tally(5, 9)).await;
        drop(opened);
        let mut opened = world.open();
        assert_eq!(
            opened.log.try_get_log_entries(..).await.unwrap(),
            tally(0, 9),
            "torn by {torn}"
        );
    }
}

#[tokio::test]
async fn zeros_of_an_extended_file_are_cut() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, tally(0, 5)).await;
    drop(opened);

    extend(&world.log_file(), &[0; 4096]);

    let mut opened = world.open();
    assert_eq!(
        opened.log.try_get_log_entries(..).await.unwrap(),
        tally(0, 5)
    );
}

#[tokio::test]
async fn damage_in_front_of_valid_records_stops_the_start() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, tally(0, 9)).await;
    drop(opened);
    let path = world.log_file();
    let pristine = fs::read(&path).unwrap();

    // Any byte of the middle third, so that records follow: a length or a payload alike.
    for at in pristine.len() / 3..pristine.len() * 2 / 3 {
        let mut bytes = pristine.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();

        let refused = world.try_open(options()).unwrap_err();

        assert!(
            matches!(refused, OpenError::Wal(WalError::DamagedInFront { .. })),
            "byte {at}: {refused}"
        );
        assert_eq!(
            fs::read(&path).unwrap(),
            bytes,
            "byte {at}: the evidence stays"
        );
    }
}

#[tokio::test]
async fn a_lost_log_file_stops_the_start() {
    let world = World::new();
    let mut opened = world.open();
    let big = "x".repeat(3 << 20);
    for index in 0..24 {
        append(&mut opened, vec![word(1, index, &format!("big={big}"))]).await;
    }
    drop(opened);
    let mut files: Vec<_> = fs::read_dir(world.dir().join("wal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "wal"))
        .collect();
    files.sort();
    assert!(files.len() >= 3, "the log was to have several files");

    fs::remove_file(&files[0]).unwrap();

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Wal(WalError::Gap { missing: 0 })),
        "{refused}"
    );
}

#[tokio::test]
async fn a_cut_below_what_was_applied_stops_the_start() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 5)).await;
    let before = fs::metadata(world.log_file()).unwrap().len();
    commit(&mut opened, tally(5, 9)).await;
    drain(&opened);
    drop(opened);
    let path = world.log_file();
    let now = fs::metadata(&path).unwrap().len();

    // Entries 5 to 8 were on disk and applied; the file system loses them.
    cut(&path, now - before);

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::CutBelowApplied { applied: 8, .. }),
        "{refused}"
    );
    // Also when sled itself would not be trusted any more.
    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let refused = world.try_open(rebooted).unwrap_err();
    assert!(
        matches!(refused, OpenError::CutBelowApplied { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_cut_below_the_own_snapshot_stops_the_start_even_without_sled() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 5)).await;
    let before = fs::metadata(world.log_file()).unwrap().len();
    commit(&mut opened, tally(5, 9)).await;
    super::snapshots::build(&mut opened).await;
    drop(opened);
    let path = world.log_file();
    let now = fs::metadata(&path).unwrap().len();

    cut(&path, now - before);
    fs::remove_dir_all(world.state_dir()).unwrap();

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::CutBelowApplied { applied: 8, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn an_applied_entry_that_the_log_contradicts_stops_the_start() {
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

#[tokio::test]
async fn a_restart_replays_what_was_not_drained() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 7)).await;
    drain(&opened);
    commit(&mut opened, tally(7, 12)).await;
    // The committed id of the last batch is still in memory; the next record takes it along.
    append(&mut opened, tally(12, 13)).await;
    let whole = opened.state.hash().unwrap();
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,7,8,9,10,11,");
    drop(opened.store);
    drop((
        opened.log,
        opened.state_machine,
        opened.state,
        opened.snapshots,
    ));

    let mut opened = world.open();
    assert_eq!(opened.state.applied(), Some((1, 6)));
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(1, 11))
    );
    let missing = opened.log.try_get_log_entries(7..12).await.unwrap();
    apply(&mut opened, missing).await;
    assert_eq!(opened.state.hash().unwrap(), whole);
}

#[tokio::test]
async fn a_clean_stop_loses_nothing_and_is_trusted_after_a_reboot() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 7)).await;
    let before = world.state_dir();
    let Opened {
        store,
        log,
        state_machine,
        state,
        snapshots,
        ..
    } = opened;
    drop((log, state_machine, state, snapshots));
    store.close().unwrap();

    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let opened = world.try_open(rebooted).unwrap();

    assert_eq!(opened.state.applied(), Some((1, 6)));
    assert_eq!(world.state_dir(), before);
}

#[tokio::test]
async fn after_an_unclean_stop_of_the_machine_the_state_is_rebuilt() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 7)).await;
    drain(&opened);
    let before = world.state_dir();
    drop(opened);

    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let mut opened = world.try_open(rebooted).unwrap();

    assert_eq!(opened.state.applied(), None, "sled is not believed");
    assert_ne!(world.state_dir(), before);
    let all = opened.log.try_get_log_entries(0..7).await.unwrap();
    apply(&mut opened, all).await;
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
}

#[tokio::test]
async fn a_removed_or_damaged_state_is_rebuilt_from_snapshot_and_log() {
    for damage in ["remove", "truncate", "lost row", "garbage"] {
        let world = World::new();
        let mut opened = world.open();
        commit(&mut opened, tally(0, 7)).await;
        super::snapshots::build(&mut opened).await;
        commit(&mut opened, tally(7, 9)).await;
        opened.log.purge(log_id(1, 4)).await.unwrap();
        drain(&opened);
        let whole = opened.state.hash().unwrap();
        drop(opened);

        let state = world.state_dir();
        match damage {
            "remove" => fs::remove_dir_all(&state).unwrap(),
            "truncate" => {
                let path = state.join("db");
                cut(&path, fs::metadata(&path).unwrap().len() - 100);
            }
            "lost row" => {
                let rows = sled::open(&state).unwrap();
                assert!(rows.remove(b"\x01all").unwrap().is_some());
                rows.flush().unwrap();
            }
            _ => {
                let path = state.join("db");
                let bytes = vec![0x5a; fs::metadata(&path).unwrap().len() as usize];
                fs::write(path, bytes).unwrap();
            }
        }

        let mut opened = world.open();
        assert_eq!(opened.state.applied(), Some((1, 6)), "{damage}");
        let behind = opened.log.try_get_log_entries(7..9).await.unwrap();
        apply(&mut opened, behind).await;
        assert_eq!(opened.state.hash().unwrap(), whole, "{damage}");
    }
}

#[tokio::test]
async fn a_state_below_the_start_of_the_log_is_rebuilt_from_the_snapshot() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 3)).await;
    drain(&opened);
    commit(&mut opened, tally(3, 7)).await;
    super::snapshots::build(&mut opened).await;
    opened.log.purge(log_id(1, 6)).await.unwrap();
    drop(opened);

    let opened = world.open();
    assert_eq!(opened.state.applied(), Some((1, 6)));
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
}

#[tokio::test]
async fn without_state_and_snapshot_a_purged_log_stops_the_start() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, tally(0, 7)).await;
    drain(&opened);
    opened.log.purge(log_id(1, 4)).await.unwrap();
    drop(opened);
    fs::remove_dir_all(world.state_dir()).unwrap();

    let refused = world.try_open(options()).unwrap_err();
    assert!(
        matches!(refused, OpenError::NoStartingPoint { purged: 4 }),
        "{refused}"
    );
}

#[tokio::test]
async fn two_nodes_cannot_share_a_directory() {
    let world = World::new();
    let _opened = world.open();
    let refused = world.try_open(options()).unwrap_err();
    assert!(
        refused.to_string().contains("another node is running"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_unknown_format_and_a_foreign_directory_are_refused() {
    let world = World::new();
    drop(world.open());
    fs::write(world.dir().join("FORMAT"), "cameo-data 2\n").unwrap();
    let refused = world.try_open(options()).unwrap_err();
    assert!(refused.to_string().contains("reads only"), "{refused}");

    let foreign = World::new();
    fs::create_dir_all(foreign.dir()).unwrap();
    fs::write(foreign.dir().join("holiday.jpg"), "x").unwrap();
    let refused = foreign.try_open(options()).unwrap_err();
    assert!(
        refused.to_string().contains("not a Cameo data directory"),
        "{refused}"
    );
    assert!(!foreign.dir().join("FORMAT").exists());
}

#[tokio::test]
async fn a_directory_keeps_its_identity() {
    let world = World::new();
    let opened = world.open();
    let mine = crate::store::NodeRecord {
        raft_id: NodeId(3),
        cluster: ClusterId([7; 32]),
    };
    let other = crate::store::NodeRecord {
        raft_id: NodeId(4),
        ..mine
    };
    assert!(opened.pristine);
    assert_eq!(opened.store.node_record().unwrap(), None);
    opened.store.write_node_record(mine).unwrap();
    opened.store.write_node_record(mine).unwrap();
    assert!(opened.store.write_node_record(other).is_err());
    drop(opened);
    assert_eq!(world.open().store.node_record().unwrap(), Some(mine));
}

#[tokio::test]
async fn the_state_never_knows_more_than_the_log_on_disk() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, tally(0, 4)).await;
    // Applied while the log has it in memory only.
    opened.log.write_without_sync(tally(4, 6));
    apply(&mut opened, tally(0, 6)).await;
    drain(&opened);
    let file = fs::read(world.log_file()).unwrap();

    let copy = World::new();
    drop(copy.open());
    fs::write(copy.log_file(), file).unwrap();
    let mut copy = copy.open();
    assert_eq!(copy.log.try_get_log_entries(..).await.unwrap(), tally(0, 6));
}

#[tokio::test]
async fn an_entry_that_does_not_advance_is_refused() {
    let world = World::new();
    let mut opened = world.open();
    apply(&mut opened, tally(0, 3)).await;
    let again = futures_util::stream::iter([Ok((blank(1, 2), None))]);
    assert!(opened.state_machine.apply(again).await.is_err());
    assert_eq!(opened.state.applied(), Some((1, 2)));
}
