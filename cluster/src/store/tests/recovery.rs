//! Recovery of the state at a restart, and directories that are refused.

use std::fs;

use cameo_common::ids::{ClusterId, NodeId};
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftStateMachine};

use super::crash::shorten;
use super::world::*;
use crate::store::{OpenError, Options, Source};

#[tokio::test]
async fn a_restart_replays_undrained_entries() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    drain(&opened);
    commit(&mut opened, append_indexes(7, 12)).await;
    // The committed id of the last batch is still in memory; the next record writes it as well.
    append(&mut opened, append_indexes(12, 13)).await;
    let whole = opened.state.hash();
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
    assert_eq!(opened.state.hash(), whole);
}

#[tokio::test]
async fn after_an_unclean_stop_of_the_machine_the_state_is_rebuilt() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    drain(&opened);
    let before = world.state_dir();
    drop(opened);

    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let mut opened = world.try_open(rebooted).unwrap();

    assert_eq!(opened.state.applied(), None, "sled is not trusted");
    assert!(matches!(&opened.source, Source::Log { why } if why.contains("clean shutdown")));
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
        commit(&mut opened, append_indexes(0, 7)).await;
        super::snapshots::build(&mut opened).await;
        commit(&mut opened, append_indexes(7, 9)).await;
        opened.log.purge(log_id(1, 4)).await.unwrap();
        drain(&opened);
        let whole = opened.state.hash();
        drop(opened);

        let state = world.state_dir();
        match damage {
            "remove" => fs::remove_dir_all(&state).unwrap(),
            "truncate" => {
                let path = state.join("db");
                shorten(&path, fs::metadata(&path).unwrap().len() - 100);
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
        let rebuilt = matches!(
            &opened.source,
            Source::Snapshot {
                applied: Some(6),
                is_own: true,
                ..
            }
        );
        assert!(rebuilt, "{damage}: {}", opened.source);
        let not_applied = opened.log.try_get_log_entries(7..9).await.unwrap();
        apply(&mut opened, not_applied).await;
        assert_eq!(opened.state.hash(), whole, "{damage}");
    }
}

/// Names of state directories.
fn states(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.dir()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("state-")).collect()
}

#[tokio::test]
async fn starts_that_fail_leave_no_more_than_one_unfinished_state() {
    let world = World::new();
    drop(world.open());
    // given a state that is gone, and a disk on which the new one cannot be made the live one
    let gone = world.state_dir();
    fs::remove_dir_all(&gone).unwrap();
    fs::create_dir(world.dir().join("CURRENT.part")).unwrap();
    // when the node is started again and again
    for _ in 0..3 {
        let refused = world.open_or_refused().unwrap_err();
        assert!(matches!(refused, OpenError::Io(_)), "{refused}");
        // then it leaves what it could not finish once, under a name that CURRENT does not have
        let left = states(&world);
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(!gone.ends_with(&left[0]), "{left:?}");
    }
    // and with room it starts
    fs::remove_dir(world.dir().join("CURRENT.part")).unwrap();
    let opened = world.open();
    assert_eq!(opened.source, Source::Nothing);
    assert_eq!(states(&world).len(), 1);
    assert!(world.state_dir().is_dir());
}

#[tokio::test]
async fn a_state_that_ends_before_the_log_begins_is_rebuilt_from_the_snapshot() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 3)).await;
    drain(&opened);
    commit(&mut opened, append_indexes(3, 7)).await;
    super::snapshots::build(&mut opened).await;
    opened.log.purge(log_id(1, 6)).await.unwrap();
    drop(opened);

    let opened = world.open();
    assert_eq!(opened.state.applied(), Some((1, 6)));
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
}

#[tokio::test]
async fn without_state_and_snapshot_a_purged_log_prevents_the_start() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
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
    fs::write(world.dir().join("FORMAT"), "cameo-data 6\n").unwrap();
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
    let record = crate::store::NodeRecord {
        raft_id: NodeId(3),
        cluster: ClusterId([7; 32]),
    };
    let other = crate::store::NodeRecord {
        raft_id: NodeId(4),
        ..record
    };
    assert!(opened.pristine);
    assert_eq!(opened.store.node_record().unwrap(), None);
    opened.store.write_node_record(record).unwrap();
    opened.store.write_node_record(record).unwrap();
    assert!(opened.store.write_node_record(other).is_err());
    drop(opened);
    assert_eq!(world.open().store.node_record().unwrap(), Some(record));
}

#[tokio::test]
async fn the_state_is_never_ahead_of_the_log_on_disk() {
    let world = World::new();
    let mut opened = world.open();
    append(&mut opened, append_indexes(0, 4)).await;
    // Applied while the log has these entries in memory only.
    opened.log.write_without_sync(append_indexes(4, 6));
    apply(&mut opened, append_indexes(0, 6)).await;
    drain(&opened);
    let file = fs::read(world.log_file()).unwrap();

    let copy = World::new();
    drop(copy.open());
    fs::write(copy.log_file(), file).unwrap();
    let mut copy = copy.open();
    assert_eq!(
        copy.log.try_get_log_entries(..).await.unwrap(),
        append_indexes(0, 6)
    );
}

#[tokio::test]
async fn an_entry_that_was_applied_already_is_refused() {
    let world = World::new();
    let mut opened = world.open();
    apply(&mut opened, append_indexes(0, 3)).await;
    let again = futures_util::stream::iter([Ok((blank(1, 2), None))]);
    assert!(opened.state_machine.apply(again).await.is_err());
    assert_eq!(opened.state.applied(), Some((1, 2)));
}
