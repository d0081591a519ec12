//! The orderly stop: what it syncs and marks, and what the next start trusts.

use std::fs;

use openraft::storage::RaftLogReader;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::world::*;
use crate::host::disk_space::tests::Told;
use crate::store::{Options, Source};

#[tokio::test]
async fn a_clean_stop_loses_nothing_and_is_trusted_after_a_reboot() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    let before = world.state_dir();
    close(opened).unwrap();

    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let opened = world.try_open(rebooted).unwrap();

    assert_eq!(opened.state.applied(), Some((1, 6)));
    assert_eq!(world.state_dir(), before);
}

#[tokio::test]
async fn a_state_whose_sync_fails_at_the_stop_is_rebuilt() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    let before = world.state_dir();
    // given a file of the state that cannot be synced
    let broken = before.join("broken");
    std::os::unix::fs::symlink("nowhere", &broken).unwrap();
    assert!(close(opened).is_err());
    fs::remove_file(broken).unwrap();
    // when the node starts again, on the same boot of the machine
    let mut opened = world.open();
    // then a sync that would succeed without a write proves nothing
    let says = "last sync failed or did not end";
    assert!(matches!(&opened.source, Source::Log { why } if why.contains(says)));
    assert_ne!(world.state_dir(), before);
    let all = opened.log.try_get_log_entries(0..7).await.unwrap();
    apply(&mut opened, all).await;
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
}

/// The file that is written in place of RUNNING cannot be created.
fn obstruct_marks(world: &World) {
    fs::create_dir(world.dir().join("RUNNING.part")).unwrap();
}

#[tokio::test]
async fn a_stop_that_cannot_be_marked_before_its_sync_is_clean_once_the_state_is_synced() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    // given a disk on which no small file fits
    obstruct_marks(&world);
    // when the node stops
    close(opened).unwrap();
    // then the next start trusts the state, also after a reboot
    fs::remove_dir(world.dir().join("RUNNING.part")).unwrap();
    let rebooted = Options {
        boot_id: Some("boot-b".into()),
        ..options()
    };
    let opened = world.try_open(rebooted).unwrap();
    assert_eq!(opened.source, Source::State { applied: Some(6) });
}

#[tokio::test]
async fn a_sync_that_fails_without_a_mark_is_told_with_what_keeps_the_state_from_being_trusted() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    let before = world.state_dir();
    // given a disk that takes neither the mark nor the state
    obstruct_marks(&world);
    let broken = before.join("broken");
    std::os::unix::fs::symlink("nowhere", &broken).unwrap();
    let told = close(opened).unwrap_err().to_string();
    // then both are told, with what to do
    assert!(told.contains("RUNNING"), "{told}");
    assert!(told.contains("Remove the file CURRENT"), "{told}");
    // and that is enough
    fs::remove_file(broken).unwrap();
    fs::remove_dir(world.dir().join("RUNNING.part")).unwrap();
    fs::remove_file(world.dir().join("CURRENT")).unwrap();
    let opened = world.open();
    assert!(matches!(opened.source, Source::Log { .. }));
    assert_ne!(world.state_dir(), before);
}

#[tokio::test]
async fn the_state_is_marked_as_not_synced_before_its_sync_begins() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 7)).await;
    // given a file of the state at which the sync waits until the test opens it
    let pipe = world.state_dir().join("pipe");
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
    // when the node stops
    let stop = std::thread::spawn(move || close(opened));
    let writer = fs::File::options().write(true).open(&pipe).unwrap();
    // then the mark is there during the sync, and stays if that fails: a pipe has none
    let running = || fs::read_to_string(world.dir().join("RUNNING")).unwrap();
    assert_eq!(running(), "unsynced\n");
    drop(writer);
    assert!(stop.join().unwrap().is_err());
    assert_eq!(running(), "unsynced\n");
}

#[tokio::test]
async fn given_a_disk_that_is_low_when_the_node_stops_then_the_next_start_replays_the_log() {
    let world = World::new();
    let told = Told::new(u64::MAX);
    let full = Options {
        meter: told.clone(),
        ..options()
    };
    let mut opened = world.try_open(full).unwrap();
    commit(&mut opened, append_indexes(0, 5)).await;
    drain(&opened);
    told.set(0);
    commit(&mut opened, append_indexes(5, 7)).await;
    // The write-behind waits, and so does the stop not.
    close(opened).unwrap();
    let mut opened = world.open();
    assert_eq!(opened.source, Source::State { applied: Some(4) });
    let missing = opened.log.try_get_log_entries(5..7).await.unwrap();
    apply(&mut opened, missing).await;
    assert_eq!(row(&opened, "all").unwrap(), "0,1,2,3,4,5,6,");
}
