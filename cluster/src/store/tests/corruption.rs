//! Law: a flipped bit in any file of the store ends in a refusal, in a rebuild, or in the cut of a
//! tail that was never acknowledged; never in another state.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cameo_common::ids::{ClusterId, NodeId};
use openraft::storage::{RaftLogReader, RaftLogStorage};

use super::world::*;
use crate::store::NodeRecord;

/// Entries that were acknowledged.
const ACKNOWLEDGED: u64 = 12;
/// Flips in one file, from its first byte to its last.
const FLIPS: usize = 12;
const TERM: u64 = 3;
const RECORD: NodeRecord = NodeRecord {
    raft_id: NodeId(3),
    cluster: ClusterId([7; 32]),
};

/// The files of a node that was killed: with a snapshot, a purged log, a state behind the log, and
/// one entry of which nobody was told.
async fn killed() -> World {
    let world = World::new();
    let mut opened = world.open();
    opened.store.write_node_record(RECORD).unwrap();
    vote(&mut opened, TERM).await;
    commit(&mut opened, append_indexes(0, 5)).await;
    super::snapshots::build(&mut opened).await;
    commit(&mut opened, append_indexes(5, 9)).await;
    opened.log.purge(log_id(1, 2)).await.unwrap();
    drain(&opened);
    commit(&mut opened, append_indexes(9, ACKNOWLEDGED)).await;
    append(&mut opened, append_indexes(ACKNOWLEDGED, ACKNOWLEDGED + 1)).await;
    drop(opened);
    world
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn copy(world: &World) -> World {
    let copied = World::new();
    for path in files(&world.dir()) {
        let to = copied.dir().join(path.strip_prefix(world.dir()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path, to).unwrap();
    }
    copied
}

fn flip(path: &Path, at: usize, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

/// Whether the node starts; if so, it has everything that was acknowledged.
async fn starts(world: &World, what: &str) -> bool {
    let Ok(mut opened) = world.open_or_refused() else {
        return false;
    };
    match opened.store.node_record() {
        Ok(Some(RECORD)) => {}
        // What the node writes at its start refuses another identity.
        Ok(Some(_)) => {
            assert!(opened.store.write_node_record(RECORD).is_err(), "{what}");
            return false;
        }
        other => {
            assert!(other.is_err(), "{what}: {other:?}");
            return false;
        }
    }
    let vote = opened.log.read_vote().await.unwrap().unwrap();
    assert_eq!(vote.leader_id.term, TERM, "{what}");
    let applied = opened.state.applied().map_or(0, |(_, index)| index + 1);
    let state = opened.log.get_log_state().await.unwrap();
    let end = state.last_log_id.unwrap().index() + 1;
    assert!(end >= ACKNOWLEDGED, "{what}: the log ends at {end}");
    let missing = opened.log.try_get_log_entries(applied..end).await.unwrap();
    assert_eq!(missing, append_indexes(applied, end), "{what}");
    if !missing.is_empty() {
        apply(&mut opened, missing).await;
    }
    let expected: String = (0..end).map(|index| format!("{index},")).collect();
    assert_eq!(row(&opened, "all").unwrap(), expected, "{what}");
    true
}

/// Its folder, or its name.
fn kind(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    let first = first.to_string_lossy();
    first
        .trim_end_matches(|last: char| last.is_ascii_digit())
        .to_owned()
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_is_never_another_state() {
    let world = killed().await;
    assert!(starts(&copy(&world), "undamaged").await);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for path in files(&world.dir()) {
        let name = path.strip_prefix(world.dir()).unwrap();
        let length = fs::metadata(&path).unwrap().len() as usize;
        let steps = FLIPS.min(length);
        let offsets = (0..steps).map(|step| step * (length - 1) / (steps.max(2) - 1));
        for (step, at) in offsets.enumerate() {
            let damaged = copy(&world);
            flip(&damaged.dir().join(name), at, step % 8);
            let what = format!("{}, byte {at}", name.display());
            let is_refused = !starts(&damaged, &what).await;
            *refused.entry(kind(name)).or_default() += usize::from(is_refused);
        }
    }
    let kinds: Vec<_> = refused.keys().map(String::as_str).collect();
    let expected = [
        "CURRENT",
        "FORMAT",
        "NODE",
        "RUNNING",
        "snapshots",
        "state-",
        "wal",
    ];
    assert_eq!(kinds, expected);
    // Damage that nothing else makes up for is refused, and what can be rebuilt is.
    for (kind, is_refused) in [
        ("FORMAT", true),
        ("NODE", true),
        ("wal", true),
        ("state-", false),
    ] {
        assert_eq!(refused[kind] > 0, is_refused, "{kind}: {refused:?}");
    }
}
