//! Group commit: a release waits for its record, and releases share syncs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::{FloorError, Floors};
use super::disk::TestDisk;
use super::{OWNER, at, grant, request, shown};

async fn given_floors(disk: &TestDisk) -> Floors {
    disk.permit(1);
    Floors::open(Arc::new(disk.clone()), OWNER).await.unwrap()
}

fn spawn_release(floors: &Floors, number: u32) -> tokio::task::JoinHandle<Result<(), FloorError>> {
    let floors = floors.clone();
    tokio::spawn(async move { floors.release(&shown(1, 99), request(number), at(0)).await })
}

/// Waits until this many requests are recorded in memory.
async fn recorded(floors: &Floors, count: u32) {
    while floors
        .get(&grant(1))
        .is_none_or(|floor| floor.released < count)
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn given_a_release_then_it_waits_for_its_sync_and_so_does_its_repetition() {
    let disk = TestDisk::waiting();
    let floors = given_floors(&disk).await;
    let first = spawn_release(&floors, 0);
    recorded(&floors, 1).await;
    let again = spawn_release(&floors, 0);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished() && !again.is_finished());
    disk.permit(1);
    first.await.unwrap().unwrap();
    again.await.unwrap().unwrap();
    // Once it is durable, a repetition needs no sync.
    spawn_release(&floors, 0).await.unwrap().unwrap();
    assert_eq!(floors.syncs(), 1);
}

#[tokio::test]
async fn given_releases_during_a_sync_then_they_share_the_next_one() {
    let disk = TestDisk::waiting();
    let floors = given_floors(&disk).await;
    let first = spawn_release(&floors, 0);
    recorded(&floors, 1).await;
    // The writer has taken the first one and waits for its sync.
    while disk.bytes().len() <= super::super::header::LENGTH {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (1..16).map(|n| spawn_release(&floors, n)).collect();
    recorded(&floors, 16).await;
    disk.permit(2);
    first.await.unwrap().unwrap();
    for done in join_all(others).await {
        done.unwrap().unwrap();
    }
    assert_eq!(floors.syncs(), 2);
}

#[tokio::test]
async fn given_a_disk_that_takes_no_more_then_nothing_is_released_any_more() {
    let disk = TestDisk::new();
    let floors = given_floors(&disk).await;
    floors
        .release(&shown(1, 9), request(0), at(0))
        .await
        .unwrap();
    disk.fail(Some(io::ErrorKind::Other));
    for number in [1, 1, 0, 2] {
        let refused = floors.release(&shown(1, 9), request(number), at(0)).await;
        assert!(matches!(refused, Err(FloorError::Failed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn given_a_full_disk_then_nothing_is_released_until_it_has_room() {
    let disk = TestDisk::new();
    let floors = given_floors(&disk).await;
    let release = async |number| floors.release(&shown(1, 9), request(number), at(0)).await;
    release(0).await.unwrap();
    disk.fail(Some(io::ErrorKind::StorageFull));
    for number in [1, 1, 0] {
        assert_eq!(release(number).await, Err(FloorError::DiskFull));
    }
    // when there is room, then it goes on, also with what was refused and is still in memory
    disk.fail(None);
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while let Err(refused) = release(1).await {
        assert_eq!(refused, FloorError::DiskFull);
        assert!(tokio::time::Instant::now() < end, "it is not tried again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    release(2).await.unwrap();
    // and after a power failure all of it is there, behind no torn record
    disk.lose_power();
    drop(floors);
    let floors = given_floors(&disk).await;
    assert_eq!(floors.get(&grant(1)).unwrap().released, 3);
}
