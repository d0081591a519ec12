//! The digest, without a read of all rows; and writes to sled, in steps.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::consensus_types::aliases::{CommittedLeaderId, LogId};
use crate::store::state::steps::STEP_ROWS;

#[test]
fn attack_the_digest_reads_no_rows_but_the_newest() {
    // given rows in sled, of which one is lost behind the store's back
    let folder = tempfile::tempdir().unwrap();
    let generation = Generation::create(&folder.path().join("state")).unwrap();
    let row = |number: u8| (vec![number], vec![number]);
    generation.load(&(0..100).map(row).collect()).unwrap();
    let before = generation.newest_digest().1;
    generation.database.remove(row_key(&[7])).unwrap();
    // when the digest is asked for, then it comes without reading them
    assert_eq!(generation.newest_digest().1, before);
    // and with a few new ones it is that of all
    let (key, value) = row(100);
    generation.insert(0, vec![Change::Put { key, value }]);
    let mut after = before.clone();
    after.add(&[100], &[100]);
    assert_eq!(generation.cheap_digest(1).unwrap().1, after);
    // but with many new ones, or while they are written to sled, it is that of the old ones
    assert!(generation.cheap_digest(0).is_none());
    let _moving = generation.moving.lock();
    assert!(generation.cheap_digest(1).is_none());
    assert_eq!(generation.written_digest().1, before);
}

#[test]
fn given_a_backlog_when_it_is_written_then_in_short_batches_that_each_end_with_an_entry() {
    // given entries of a busy time, of which each changes rows of the one before
    const ROWS: u16 = 300;
    let folder = tempfile::tempdir().unwrap();
    let generation = Generation::create(&folder.path().join("state")).unwrap();
    let mut states = vec![BTreeMap::new()];
    for index in 0..20u16 {
        let rows: BTreeMap<_, _> = (0..ROWS)
            .map(|row| (index * ROWS / 2 + row).to_be_bytes())
            .map(|row| [&[0xf0], &row[..]].concat())
            .map(|key| (key, index.to_be_bytes().to_vec()))
            .collect();
        let put = |(key, value): (&Vec<u8>, &Vec<u8>)| Change::Put {
            key: key.clone(),
            value: value.clone(),
        };
        let index = u64::from(index);
        generation.insert(index + 1, rows.iter().map(put).collect());
        generation.publish(Applied {
            log_id: Some(LogId::new(CommittedLeaderId::new(1), index)),
            ..Applied::default()
        });
        let mut state = states.last().unwrap().clone();
        state.extend(rows);
        states.push(state);
    }
    // when they are written, then entry by entry of some, and each time sled has the state of one
    let mut before = 0;
    while let Some(applied) = generation.unwritten() {
        generation.write_back(&applied).unwrap();
        let written = generation.marks().written.version();
        let entries = usize::try_from(written - before).unwrap();
        assert!(entries <= STEP_ROWS / usize::from(ROWS) + 1, "{entries}");
        let state = &states[usize::try_from(written).unwrap()];
        let stored = generation.database.scan_prefix(row_key(&[]));
        let stored: BTreeMap<_, _> = stored
            .map(|row| row.unwrap())
            .map(|(key, value)| (key[1..].to_vec(), value.to_vec()))
            .collect();
        assert_eq!(stored, *state, "{written}");
        let mut digest = RowDigest::default();
        state.iter().for_each(|(key, value)| digest.add(key, value));
        assert_eq!(generation.written_digest().1, digest);
        // while what is visible does not change
        let visible = generation.scan(u64::MAX, &[], Bound::Unbounded, usize::MAX);
        assert!(
            visible
                .iter()
                .map(|(key, value)| (key, value))
                .eq(&states[20])
        );
        before = written;
    }
    assert_eq!(before, 20);
}

#[test]
fn given_a_row_that_changes_again_while_it_is_written_then_the_later_value_is_written_next() {
    let folder = tempfile::tempdir().unwrap();
    let generation = Generation::create(&folder.path().join("state")).unwrap();
    let put = |value: u8| {
        let (key, value) = (vec![1], vec![value]);
        vec![Change::Put { key, value }]
    };
    let publish = |index| {
        generation.publish(Applied {
            log_id: Some(LogId::new(CommittedLeaderId::new(1), index)),
            ..Applied::default()
        });
    };
    let stored = || generation.database.get(row_key(&[1])).unwrap();
    // given a second value that is not visible yet
    generation.insert(1, put(10));
    publish(0);
    generation.insert(2, put(20));
    // when the first is written
    let applied = generation.unwritten().unwrap();
    generation.write_back(&applied).unwrap();
    assert_eq!(stored().unwrap(), &[10]);
    assert_eq!(generation.get(1, &[1]).as_deref(), Some(&[10][..]));
    // then the second is there still, and written in its turn
    publish(1);
    let applied = generation.unwritten().unwrap();
    generation.write_back(&applied).unwrap();
    assert_eq!(stored().unwrap(), &[20]);
    assert!(generation.unwritten().is_none());
    assert_eq!(generation.in_memory().overlay.rows(), 0);
    assert_eq!(generation.overlay_bytes(), 0);
}

#[test]
fn given_a_version_to_write_that_becomes_part_of_a_step_meanwhile_then_its_rows_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let generation = Generation::create(&folder.path().join("state")).unwrap();
    let put = |row: usize, value: u8| Change::Put {
        key: [&[0xf0][..], &row.to_be_bytes()].concat(),
        value: vec![value],
    };
    let publish = |index| {
        generation.publish(Applied {
            log_id: Some(LogId::new(CommittedLeaderId::new(1), index)),
            ..Applied::default()
        });
    };
    let stored = |value: u8| {
        let rows = generation.database.scan_prefix(row_key(&[]));
        rows.filter(|row| row.as_ref().unwrap().1 == [value])
            .count()
    };
    // given rows of which none is a step yet
    generation.insert(1, (0..STEP_ROWS - 1).map(|row| put(row, 1)).collect());
    publish(0);
    let first = generation.unwritten().unwrap();
    assert!(!generation.has_step());
    // when others make one of them, some of which change again, before they are written
    generation.insert(2, (0..100).map(|row| put(row, 2)).collect());
    publish(1);
    assert!(generation.has_step());
    generation.write_back(&first).unwrap();
    // then sled has the rows of what it says that it has
    assert_eq!(generation.marks().written.version(), 1);
    assert_eq!((stored(1), stored(2)), (STEP_ROWS - 1, 0));
    let second = generation.unwritten().unwrap();
    generation.write_back(&second).unwrap();
    assert_eq!((stored(1), stored(2)), (STEP_ROWS - 101, 100));
    assert_eq!(generation.in_memory().overlay.rows(), 0);
}

#[test]
fn a_database_that_cannot_be_created_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    // given a folder where sled cannot write its settings, and so does not come to its own file
    std::fs::create_dir_all(path.join("conf")).unwrap();
    assert!(Generation::create(&path).is_err());
    assert!(!path.exists());
}
