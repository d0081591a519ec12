#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cameo_machine::{Change, StateView};
use futures_util::stream;
use openraft::entry::{EntryPayload, RaftEntry};
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftSnapshotBuilder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::alias::{EntryOf, LogIdOf};
use openraft::{StorageError, Vote};

use super::*;
use crate::consensus_types::aliases::CommittedLeaderId;
use crate::consensus_types::{EntryBytes, TypeConfig};
use crate::raft::client::replica::AppliedState;
use crate::raft::quarantine::{Origin, QuarantineFile};
use crate::store::{Decided, Machine};

/// Each entry is a key without a value.
struct Keys;

impl Machine for Keys {
    fn decide(&self, _view: &dyn StateView, _index: u64, entry: &[u8]) -> Decided {
        Decided {
            changes: vec![Change::Put {
                key: entry.to_vec(),
                value: Vec::new(),
            }],
            ..Decided::default()
        }
    }
}

#[tokio::test]
async fn a_marker_survives_a_power_failure_and_goes_when_the_newest_disk_is_put_back() {
    let disk = MemoryDisk::new(Arc::new(Keys));
    let newest = disk.copy();
    let files = || disk.storage().log.quarantine_disk();
    let written = files().replace(QuarantineFile::Marker, vec![7]);
    written.await.unwrap();
    disk.lose_power();
    assert_eq!(files().read(QuarantineFile::Marker).unwrap(), Some(vec![7]));
    assert_eq!(files().read(QuarantineFile::Peers).unwrap(), None);
    disk.restore(newest);
    assert_eq!(files().read(QuarantineFile::Marker).unwrap(), None);
}

#[tokio::test]
async fn a_disk_is_a_copy_once_one_is_put_back_until_a_node_takes_part() {
    let disk = MemoryDisk::new(Arc::new(Keys));
    let is_original = || disk.storage().log.quarantine_disk().origin().unwrap() == Origin::Original;
    assert!(!is_original());
    let renewed = disk.storage().log.quarantine_disk().renew_origin();
    renewed.await.unwrap();
    let (copy, newest) = (disk.copy(), disk.copy());
    disk.lose_power();
    assert!(is_original());
    // when a program has copied the files, or a copy of a copy is put back
    disk.restore(copy);
    assert!(!is_original());
    disk.put_back(disk.copy());
    assert!(!is_original());
    // then the disk itself is still no copy.
    disk.put_back(newest);
    assert!(is_original());
}

/// A disk whose syncs take a moment, and fail when told.
#[derive(Default)]
struct Slow {
    fails: AtomicBool,
    survivors: usize,
}

impl DiskModel for Slow {
    fn next_sync(&self) -> NextSync {
        NextSync {
            takes: Duration::from_millis(1),
            fails: self.fails.load(Ordering::SeqCst),
        }
    }

    fn survivors(&self, _unsynced: usize) -> usize {
        self.survivors
    }

    fn write_behind(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

struct Memory(Arc<dyn DiskModel>);

impl StoreBuilder<TypeConfig, MemoryLog, MemoryState, ()> for Memory {
    async fn build(&self) -> Result<((), MemoryLog, MemoryState), StorageError<TypeConfig>> {
        let storage = MemoryDisk::with_model(Arc::new(Keys), self.0.clone()).storage();
        Ok(((), storage.log, storage.state_machine))
    }
}

#[tokio::test]
async fn log_and_state_pass_the_suite_of_openraft() {
    Suite::test_all(Memory(Arc::new(AtOnce))).await.unwrap();
}

#[tokio::test]
async fn with_slow_syncs_they_pass_it_too() {
    Suite::test_all(Memory(Arc::new(Slow::default())))
        .await
        .unwrap();
}

fn id(index: u64) -> LogIdOf<TypeConfig> {
    let leader = CommittedLeaderId { term: 1 };
    LogIdOf::<TypeConfig>::new(leader, index)
}

fn entry(index: u64) -> EntryOf<TypeConfig> {
    let payload = EntryPayload::Normal(EntryBytes(vec![index as u8]));
    EntryOf::<TypeConfig>::new(id(index), payload)
}

fn slow_disk(survivors: usize) -> (MemoryDisk, Arc<Slow>) {
    let model = Arc::new(Slow {
        survivors,
        ..Slow::default()
    });
    (MemoryDisk::with_model(Arc::new(Keys), model.clone()), model)
}

/// Appends without a wait for the sync.
fn append(log: &MemoryLog, index: u64) {
    let write = platter::LogWrite::Append(vec![entry(index)]);
    log.0.write(write, sync::Waiter::Nobody).unwrap();
}

async fn apply(state: &mut MemoryState, index: u64) {
    let entries = stream::iter([Ok((entry(index), None))]);
    state.apply(entries).await.unwrap();
}

async fn kept(disk: &MemoryDisk) -> Vec<u64> {
    let found = disk.storage().log.try_get_log_entries(0..9).await.unwrap();
    found.iter().map(|entry| entry.log_id.index()).collect()
}

#[tokio::test]
async fn a_vote_is_durable_when_it_is_acknowledged_and_an_append_only_after_its_sync() {
    let (disk, _) = slow_disk(0);
    let mut log = disk.storage().log;
    // given an entry that was synced with a vote, and one that was not synced
    append(&log, 1);
    let vote = Vote::new(3, 1.into());
    log.save_vote(&vote).await.unwrap();
    append(&log, 2);
    assert_eq!(disk.unsynced(), 1);
    // when the power fails
    disk.lose_power();
    // then the second is lost, and the vote is not
    assert_eq!(kept(&disk).await, [1]);
    assert!(disk.storage().log.read_vote().await.unwrap().is_some());
}

#[tokio::test]
async fn a_power_failure_may_leave_some_of_the_unsynced_writes_and_a_kill_leaves_all() {
    let (disk, _) = slow_disk(1);
    let log = disk.storage().log;
    (1..=3).for_each(|index| append(&log, index));
    disk.lose_power();
    assert_eq!(kept(&disk).await, [1]);

    let (disk, _) = slow_disk(0);
    let log = disk.storage().log;
    (1..=3).for_each(|index| append(&log, index));
    // A killed process leaves the disk as it is, and the next one syncs what it finds.
    assert_eq!(kept(&disk).await, [1, 2, 3]);
    disk.lose_power();
    assert_eq!(kept(&disk).await, [1, 2, 3]);
}

/// A disk with a snapshot at 1, a drain at 2, and 3 in the process's memory alone.
async fn three_applied() -> MemoryDisk {
    let (disk, _) = slow_disk(0);
    let storage = disk.storage();
    let mut state = storage.state_machine;
    (1..=3).for_each(|index| append(&storage.log, index));
    apply(&mut state, 1).await;
    let mut builder = state.get_snapshot_builder().await;
    builder.build_snapshot().await.unwrap();
    apply(&mut state, 2).await;
    state.drain();
    apply(&mut state, 3).await;
    assert_eq!(state.applied(), 3);
    disk
}

#[tokio::test]
async fn the_state_of_a_new_process_begins_at_the_last_drain() {
    let disk = three_applied().await;
    assert_eq!(disk.storage().state_machine.applied(), 2);
    assert_eq!(kept(&disk).await, [1, 2, 3]);
}

#[tokio::test]
async fn after_a_power_failure_the_state_begins_at_the_snapshot_and_the_log_after_it() {
    let disk = three_applied().await;
    disk.lose_power();
    let mut storage = disk.storage();
    assert_eq!(storage.state_machine.applied(), 1);
    let log = storage.log.get_log_state().await.unwrap();
    assert_eq!(log.last_purged_log_id, Some(id(1)));
    assert_eq!(kept(&disk).await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_ends_the_storage() {
    let (disk, model) = slow_disk(0);
    let storage = disk.storage();
    let (mut log, state) = (storage.log, storage.state_machine);
    model.fails.store(true, Ordering::SeqCst);
    let vote = Vote::new(3, 1.into());
    assert!(log.save_vote(&vote).await.is_err());
    assert!(state.failure().is_some());
    assert!(log.save_vote(&vote).await.is_err());
    disk.lose_power();
    assert!(disk.storage().log.read_vote().await.unwrap().is_none());
}

#[tokio::test]
async fn a_copy_that_is_put_back_has_everything_as_it_was() {
    // given a disk with two entries, a floor and a copy
    let (disk, _) = slow_disk(0);
    let mut log = disk.storage().log;
    let floor = log.floor_disk();
    (1..=2).for_each(|index| append(&log, index));
    floor.create(b"head".to_vec()).unwrap();
    let copy = disk.copy();
    // and more of all, synced
    append(&log, 3);
    floor.append(b"-one".to_vec()).await.unwrap();
    log.save_vote(&Vote::new(3, 1.into())).await.unwrap();
    assert_eq!(disk.entries_after(&copy), 1);
    // when the copy is put back
    assert_eq!(disk.restore(copy), 1);
    // then a power failure too leaves what the copy had
    let mut log = disk.storage().log;
    disk.lose_power();
    assert_eq!(kept(&disk).await, [1, 2]);
    assert!(log.read_vote().await.unwrap().is_none());
    assert_eq!(log.floor_disk().read().unwrap().unwrap(), b"head");
}

#[tokio::test]
async fn the_floor_file_survives_a_kill_whole_and_a_power_failure_up_to_its_last_sync() {
    // Given a file with one synced record and one that is not, and two bytes that a failure leaves
    let (disk, model) = slow_disk(2);
    let process = disk.storage().log.floor_disk();
    process.create(b"head".to_vec()).unwrap();
    process.append(b"-one".to_vec()).await.unwrap();
    model.fails.store(true, Ordering::SeqCst);
    assert!(process.append(b"-two".to_vec()).await.is_err());
    // then the next process finds all of it after a kill,
    let found = |disk: &MemoryDisk| disk.storage().log.floor_disk().read().unwrap();
    assert_eq!(found(&disk).unwrap(), b"head-one-two");
    // and the synced part with a torn rest after a power failure.
    disk.lose_power();
    assert_eq!(found(&disk).unwrap(), b"head-one-t");
    // A process that could not sync takes no more.
    assert!(process.append(b"-six".to_vec()).await.is_err());
}

#[tokio::test]
async fn a_replaced_floor_file_is_the_old_one_or_the_new_one() {
    let (disk, model) = slow_disk(0);
    let process = disk.storage().log.floor_disk();
    process.create(b"old".to_vec()).unwrap();
    process.create(b"other".to_vec()).unwrap();
    process.replace(b"new".to_vec()).await.unwrap();
    model.fails.store(true, Ordering::SeqCst);
    assert!(process.replace(b"newer".to_vec()).await.is_err());
    disk.lose_power();
    let found = disk.storage().log.floor_disk().read().unwrap();
    assert_eq!(found.unwrap(), b"new");
}
