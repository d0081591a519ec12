//! The number that other nodes are told: of what is durable, and never lower after a restart.

use std::sync::Arc;

use super::super::{FloorMark, Floors};
use super::disk::TestDisk;
use super::{OWNER, at, request, shown};

async fn open(disk: &TestDisk) -> (FloorMark, Floors) {
    let mark = FloorMark::find(disk);
    assert_eq!(mark.durable(), None, "what was found need not be synced");
    let floors = Floors::open(Arc::new(disk.clone()), OWNER).await.unwrap();
    mark.follow(floors.clone());
    (mark, floors)
}

#[tokio::test]
async fn a_mark_rises_once_a_record_is_durable() {
    let disk = TestDisk::waiting();
    disk.permit(1);
    let (mark, floors) = open(&disk).await;
    assert_eq!((mark.found(), mark.durable()), (0, Some(0)));
    let release = tokio::spawn({
        let floors = floors.clone();
        async move { floors.release(&shown(1, 9), request(0), at(0)).await }
    });
    while disk.bytes().len() <= super::super::header::LENGTH {
        tokio::task::yield_now().await;
    }
    assert_eq!(mark.durable(), Some(0), "it is written, and not synced");
    disk.permit(1);
    release.await.unwrap().unwrap();
    assert_eq!(mark.durable(), Some(1));
}

#[tokio::test]
async fn what_is_found_after_a_power_failure_is_not_below_what_was_told() {
    let disk = TestDisk::new();
    let mut told = 0;
    for number in 0..8 {
        let (mark, floors) = open(&disk).await;
        assert!(mark.found() >= told, "{} after {told}", mark.found());
        floors
            .release(&shown(1, 9), request(number), at(0))
            .await
            .unwrap();
        told = mark.durable().unwrap();
        // The next record reaches the disk in part, or not at all.
        let torn = usize::try_from(number).unwrap();
        disk.tear(&b"torn record"[..torn]);
        if number % 2 == 0 {
            disk.lose_power();
        }
    }
    assert!(told >= 8);
}
