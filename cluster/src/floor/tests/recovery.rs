//! Opening of a file after a stop, a crash, a power failure, and damage.

use std::sync::Arc;

use cameo_common::ids::NodeId;

use super::super::frame::{self, Batch};
use super::super::header;
use super::super::kept::REWRITE_FROM;
use super::super::{FloorDisk, FloorError, FloorFile, FloorRefusal, Floors, OpenError, Owner};
use super::disk::TestDisk;
use super::{OWNER, at, grant, request, shown};
use crate::host::blocking::Blocking;

async fn open(disk: &TestDisk) -> Result<Floors, OpenError> {
    Floors::open(Arc::new(disk.clone()), OWNER).await
}

/// A file with one frame for each of three releases.
async fn given_three_releases() -> TestDisk {
    let disk = TestDisk::new();
    let floors = open(&disk).await.unwrap();
    for number in 0..3 {
        floors
            .release(&shown(1, 9), request(number), at(0))
            .await
            .unwrap();
    }
    disk
}

fn released(floors: &Floors) -> u32 {
    floors.get(&grant(1)).map_or(0, |floor| floor.released)
}

#[tokio::test]
async fn given_a_real_file_when_the_node_restarts_then_its_floors_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = || Arc::new(FloorFile::within(folder.path(), Blocking::Threads));
    super::super::create(&*file(), OWNER).unwrap();
    let floors = Floors::open(file(), OWNER).await.unwrap();
    for number in 0..3 {
        floors
            .release(&shown(2, 3), request(number), at(0))
            .await
            .unwrap();
    }
    let before = floors.get(&grant(1)).unwrap();
    drop(floors);

    let floors = Floors::open(file(), OWNER).await.unwrap();
    assert_eq!(floors.get(&grant(1)), Some(before));
    // A recorded view may be resumed; a further one and older rights are refused.
    floors
        .release(&shown(2, 3), request(1), at(0))
        .await
        .unwrap();
    assert!(
        floors
            .release(&shown(2, 3), request(9), at(0))
            .await
            .is_err()
    );
    assert!(floors.raise(&shown(1, 3)).await.is_err());
    // Creating it again leaves it as it is.
    super::super::create(&*file(), OWNER).unwrap();
    let floors = Floors::open(file(), OWNER).await.unwrap();
    assert_eq!(released(&floors), 3);
}

/// A process of its own: its tasks end with it.
fn run<T>(process: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(process)
}

#[test]
fn given_a_power_failure_during_a_sync_then_only_what_nobody_was_told_is_lost() {
    let disk = TestDisk::waiting();
    disk.permit(2);
    run(async {
        let floors = open(&disk).await.unwrap();
        let release = |number| {
            let floors = floors.clone();
            async move { floors.release(&shown(1, 2), request(number), at(0)).await }
        };
        release(0).await.unwrap();
        let second = tokio::spawn(release(1));
        let frames = || {
            frame::scan(&disk.bytes()[header::LENGTH..])
                .unwrap()
                .batches
        };
        while frames().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished(), "its sync is not permitted");
    });
    disk.lose_power();
    disk.permit(1);
    let floors = run(open(&disk)).unwrap();
    assert_eq!(released(&floors), 1);
}

#[tokio::test]
async fn given_a_file_cut_at_any_byte_then_whole_frames_before_the_cut_are_kept() {
    let whole = given_three_releases().await.bytes();
    let ends = |bytes: &[u8]| {
        let scanned = frame::scan(&bytes[header::LENGTH..]).unwrap();
        (scanned.batches.len(), scanned.torn)
    };
    for cut in header::LENGTH..=whole.len() {
        let (frames, torn) = ends(&whole[..cut]);
        let disk = TestDisk::new();
        disk.set_bytes(Some(whole[..cut].to_vec()));
        let floors = open(&disk).await.unwrap();
        assert_eq!(released(&floors) as usize, frames, "cut at {cut}");
        // What is written next follows a whole frame.
        floors
            .release(&shown(1, 9), request(7), at(0))
            .await
            .unwrap();
        assert_eq!(ends(&disk.bytes()).1, 0, "cut at {cut}, {torn} bytes torn");
        assert_eq!(released(&open(&disk).await.unwrap()) as usize, frames + 1);
    }
    for cut in 0..header::LENGTH {
        let disk = TestDisk::new();
        disk.set_bytes(Some(whole[..cut].to_vec()));
        assert!(matches!(open(&disk).await, Err(OpenError::DamagedHeader)));
    }
}

#[tokio::test]
async fn given_damage_before_a_valid_record_then_the_file_is_refused() {
    let whole = given_three_releases().await.bytes();
    let mut last = Vec::new();
    let scanned = frame::scan(&whole[header::LENGTH..]).unwrap();
    frame::append(&mut last, &scanned.batches[2]);
    for damaged in 0..whole.len() - last.len() {
        let mut bytes = whole.clone();
        bytes[damaged] ^= 0x10;
        let disk = TestDisk::new();
        disk.set_bytes(Some(bytes));
        assert!(open(&disk).await.is_err(), "byte {damaged}");
    }
}

#[tokio::test]
async fn given_a_file_that_lacks_a_frame_then_it_is_refused() {
    let whole = given_three_releases().await.bytes();
    let scanned = frame::scan(&whole[header::LENGTH..]).unwrap();
    let mut bytes = header::encode(OWNER);
    frame::append(&mut bytes, &scanned.batches[0]);
    frame::append(&mut bytes, &scanned.batches[2]);
    let disk = TestDisk::new();
    disk.set_bytes(Some(bytes));
    assert!(matches!(
        open(&disk).await,
        Err(OpenError::Gap {
            before: 1,
            found: 3
        })
    ));
}

#[tokio::test]
async fn attack_a_missing_file_and_a_file_of_another_node_are_refused() {
    let disk = TestDisk::new();
    disk.set_bytes(None);
    assert!(matches!(open(&disk).await, Err(OpenError::Missing)));

    let other = Owner {
        node: NodeId(8),
        ..OWNER
    };
    disk.set_bytes(Some(header::encode(other)));
    assert!(matches!(open(&disk).await, Err(OpenError::OtherOwner)));

    let mut later = header::encode(OWNER);
    later[8] = 2;
    disk.set_bytes(Some(later));
    assert!(matches!(
        open(&disk).await,
        Err(OpenError::UnknownVersion(2))
    ));
}

#[tokio::test]
async fn given_a_file_that_has_outgrown_its_content_then_it_is_rewritten_with_all_of_it() {
    let disk = TestDisk::new();
    let floors = open(&disk).await.unwrap();
    // Other grants, and one whose rights change until the file has outgrown what it says.
    for byte in 2..=255 {
        let mut other = shown(1, 3);
        other.grant = grant(byte);
        floors.release(&other, request(1), at(0)).await.unwrap();
    }
    let mut version = 0;
    let mut longest = 0;
    let length = loop {
        version += 1;
        floors.raise(&shown(version, 3)).await.unwrap();
        let length = disk.bytes().len();
        if length < longest {
            break length;
        }
        longest = length;
    };
    assert!(longest <= REWRITE_FROM, "{longest}");
    assert!(length < REWRITE_FROM / 10, "{length}");

    let floors = open(&disk).await.unwrap();
    assert_eq!(floors.get(&grant(1)).unwrap().version, version);
    for byte in 2..=255 {
        let mut other = shown(1, 1);
        other.grant = grant(byte);
        floors.release(&other, request(1), at(0)).await.unwrap();
        assert!(matches!(
            floors.release(&other, request(2), at(0)).await,
            Err(FloorError::Refused(FloorRefusal::Spent { .. }))
        ));
    }
}

#[tokio::test]
async fn given_a_rewritten_file_then_frames_go_on_with_the_next_number() {
    let disk = given_three_releases().await;
    // Torn, so that opening rewrites it.
    let mut bytes = disk.bytes();
    bytes.extend_from_slice(&[1, 2, 3]);
    disk.set_bytes(Some(bytes));
    let floors = open(&disk).await.unwrap();
    floors
        .release(&shown(1, 9), request(3), at(0))
        .await
        .unwrap();
    let scanned = frame::scan(&disk.bytes()[header::LENGTH..]).unwrap();
    let numbers = scanned.batches.iter().map(|batch: &Batch| batch.number);
    assert_eq!(numbers.collect::<Vec<_>>(), [4, 5]);
    assert!(disk.read().unwrap().is_some());
}
