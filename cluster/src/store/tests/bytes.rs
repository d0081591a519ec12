//! Pinned bytes of every format on disk. A change here needs a new version of the format.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::signed::Signed;
use openraft::{EntryPayload, Membership};
use raft_log::codeq::{Decode, Encode};

use super::world::*;
use crate::certificate::Certificate;
use crate::consensus_types::aliases::StoredMembership;
use crate::consensus_types::{EntryBytes, Member};
use crate::store::NodeRecord;
use crate::store::meta::Applied;
use crate::store::snapshot::{Reader, Writer};
use crate::store::state::digest::RowDigest;
use crate::store::wal::{EntryRecord, LogKey, VoteRecord};

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes).unwrap();
    bytes
}

fn membership() -> Membership<NodeId, Member> {
    let member = |port: u16| Member {
        link: format!("a:{port}"),
        http: "h".to_owned(),
        key: [9; 32],
    };
    let members = BTreeMap::from([(NodeId(1), member(1)), (NodeId(2), member(2))]);
    Membership::new(vec![BTreeSet::from([NodeId(1)])], members).unwrap()
}

fn member_bytes() -> Vec<u8> {
    let mut bytes = vec![
        1, 1, 1, // one set of voters, of one: 1
        2, // two members
    ];
    for id in [1, 2] {
        bytes.extend([id, 3, b'a', b':', b'0' + id, 1, b'h']);
        bytes.extend([9; 32]);
    }
    bytes
}

#[test]
fn the_bytes_of_log_ids_and_votes_are_pinned() {
    let key = LogKey {
        term: 1,
        index: 0x0304,
    };
    let bytes = [
        0, 0, 0, 0, 0, 0, 0, 1, // term
        0, 0, 0, 0, 0, 0, 3, 4, // index
    ];
    assert_eq!(encoded(&key), bytes);
    assert_eq!(LogKey::decode(&bytes[..]).unwrap(), key);

    let vote = VoteRecord {
        term: 1,
        node: NodeId(2),
        committed: true,
    };
    let bytes = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1];
    assert_eq!(encoded(&vote), bytes);
    assert_eq!(VoteRecord::decode(&bytes[..]).unwrap(), vote);
    let mut unknown = bytes;
    unknown[16] = 2;
    assert!(VoteRecord::decode(&unknown[..]).is_err());
}

#[test]
fn the_bytes_of_log_entries_are_pinned() {
    let normal = EntryPayload::Normal(EntryBytes(b"abc".to_vec()));
    let mut of_members = vec![
        0, 0, 0, 84, // length
        1,  // version
        2,  // membership
    ];
    of_members.extend(member_bytes());
    let cases = [
        (EntryPayload::Blank, vec![0, 0, 0, 2, 1, 0]),
        (normal, vec![0, 0, 0, 6, 1, 1, 3, b'a', b'b', b'c']),
        (EntryPayload::Membership(membership()), of_members),
    ];
    let key = LogKey { term: 1, index: 5 };
    for (payload, bytes) in cases {
        let record = EntryRecord::new(&payload).unwrap();
        assert_eq!(encoded(&record), bytes);
        let back = EntryRecord::decode(&bytes[..]).unwrap().entry(key).unwrap();
        assert_eq!(back.payload, payload);
    }
}

#[test]
fn unknown_or_overlong_log_entries_are_refused() {
    let key = LogKey { term: 1, index: 5 };
    let refused = [
        vec![0, 0, 0, 2, 2, 0],    // version 2
        vec![0, 0, 0, 2, 1, 9],    // kind 9
        vec![0, 0, 0, 3, 1, 0, 0], // a byte too many
        vec![0, 0, 0, 0],          // empty
    ];
    for bytes in refused {
        assert!(
            EntryRecord::decode(&bytes[..]).unwrap().entry(key).is_err(),
            "{bytes:?}"
        );
    }
    assert!(EntryRecord::decode(&[255, 255, 255, 255][..]).is_err());
    let large = EntryPayload::Normal(EntryBytes(vec![0; 17 << 20]));
    assert!(EntryRecord::new(&large).is_err());
}

#[tokio::test]
async fn the_bytes_of_a_log_file_are_pinned() {
    let world = World::new();
    let mut opened = world.open();
    vote(&mut opened, 2).await;
    append(&mut opened, vec![command(1, 0, "a")]).await;
    drop(opened);

    let mut expected = vec![
        0, 0, 0, 5, // checkpoint
        1, // version
        0, 0, 0, 0, 0, // no vote, last, committed, purged, user data
        0, 0, 0, 0, // checksum, 8 bytes
    ];
    let crc = |record: &[u8]| crc32fast::hash(record).to_be_bytes();
    let body = expected[..10].to_vec();
    expected.extend(crc(&body));
    let mut record = vec![
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0,
    ];
    let sum = crc(&record);
    record.extend([0, 0, 0, 0]);
    record.extend(sum);
    expected.extend(record);
    let mut record = vec![0, 0, 0, 1];
    record.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    record.extend([0, 0, 0, 4, 1, 1, 1, b'a']);
    let sum = crc(&record);
    record.extend([0, 0, 0, 0]);
    record.extend(sum);
    expected.extend(record);
    assert_eq!(fs::read(world.log_file()).unwrap(), expected);
}

fn applied() -> Applied {
    Applied {
        log_id: Some(log_id(3, 300)),
        membership: StoredMembership::new(Some(log_id(2, 4)), membership()),
    }
}

fn applied_bytes() -> Vec<u8> {
    let mut bytes = vec![
        2, // version
        1, 3, 0xac, 2, // last applied: term 3, index 300
        1, 2, 4, // membership of term 2, index 4
    ];
    bytes.extend(member_bytes());
    bytes
}

#[test]
fn the_bytes_of_the_applied_row_are_pinned() {
    assert_eq!(applied().encode(), applied_bytes());
    assert_eq!(Applied::decode(&applied_bytes()).unwrap(), applied());
    assert_eq!(Applied::default().encode(), [2, 0, 0, 0, 0]);
    assert_eq!(
        Applied::decode(&[2, 0, 0, 0, 0]).unwrap(),
        Applied::default()
    );
    for bad in [&[][..], &[1, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0], &[2, 0, 0]] {
        assert!(Applied::decode(bad).is_err());
    }
}

#[tokio::test]
async fn the_rows_in_sled_are_pinned() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, vec![command(1, 0, "ada=1")]).await;
    drain(&opened);
    let dir = world.state_dir();
    drop(opened);

    let rows = sled::open(dir).unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(Result::unwrap)
        .map(|(k, v)| (k.to_vec(), v.to_vec()))
        .collect();
    let mut digest = RowDigest::default();
    digest.add(b"ada", b"1");
    let expected = [
        (b"\0applied".to_vec(), vec![2, 1, 1, 0, 0, 0, 0]),
        (b"\0digest".to_vec(), digest.encode()),
        (b"\x01ada".to_vec(), b"1".to_vec()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_bytes_of_a_snapshot_file_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one");
    let mut writer = Writer::create(&path, &applied()).unwrap();
    writer
        .rows(&vec![
            (b"ada".to_vec(), b"1".to_vec()),
            (b"bob".to_vec(), vec![]),
        ])
        .unwrap();
    let certificate = Certificate(vec![Signed::from_bytes(vec![6, 7])]);
    writer.finish(Some(&certificate)).unwrap();

    let mut expected = b"cameosnp".to_vec();
    expected.push(3); // version
    expected.extend([90, 0, 0, 0]); // length of the header
    expected.extend(applied_bytes());
    expected.extend([3, 0, 0, 0, 1, 0, 0, 0]);
    expected.extend(b"ada1");
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"bob");
    expected.extend([255, 255, 255, 255]);
    expected.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    // length, version and checkpoints of the certificate
    expected.extend([5, 0, 0, 0, 1, 1, 2, 6, 7]);
    let sum = *blake3::hash(&expected).as_bytes();
    expected.extend(sum);
    assert_eq!(fs::read(&path).unwrap(), expected);
    let found = Reader::verify(&path).unwrap();
    assert_eq!((found.applied, found.is_certified), (applied(), true));

    for other in [0, 1, 2, 4] {
        expected[8] = other;
        fs::write(&path, &expected).unwrap();
        let refused = Reader::verify(&path).unwrap_err().to_string();
        assert!(refused.contains(&format!("version {other}")), "{refused}");
    }
}

#[tokio::test]
async fn the_bytes_of_the_small_files_are_pinned() {
    let world = World::new();
    let opened = world.open();
    let record = NodeRecord {
        raft_id: NodeId(300),
        cluster: ClusterId([7; 32]),
    };
    opened.store.write_node_record(record).unwrap();
    let read = |name: &str| fs::read(world.dir().join(name)).unwrap();
    assert_eq!(read("FORMAT"), b"cameo-data 5\n");
    assert_eq!(read("RUNNING"), b"boot-a\n");
    assert_eq!(read("CURRENT"), b"state-1\n");
    let mut bytes = vec![1, 0xac, 2];
    bytes.extend([7; 32]);
    assert_eq!(read("NODE"), bytes);
}
