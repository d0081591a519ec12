//! Becoming low, and having room again.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;

use super::{DiskSpace, LowDiskSpace, Measured, NoFigures, Reserve, SpaceMeter};

const RESERVE: u64 = 1_000;
const RESUME: u64 = 1_250;
const MIB: u64 = 1 << 20;

/// As many free bytes as a test says.
#[derive(Debug)]
pub(crate) struct Told(pub AtomicU64);

impl Told {
    pub fn new(free: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(free)))
    }

    pub fn set(&self, free: u64) {
        self.0.store(free, Ordering::Relaxed);
    }
}

impl SpaceMeter for Told {
    fn measure(&self, _folder: &Path) -> io::Result<Option<Measured>> {
        Ok(Some(Measured {
            free: self.0.load(Ordering::Relaxed),
            size: u64::MAX,
        }))
    }
}

fn space(meter: Arc<dyn SpaceMeter>) -> Arc<DiskSpace> {
    DiskSpace::around("/".into(), meter, Reserve::Bytes(RESERVE))
}

#[test]
fn given_a_disk_that_became_low_when_just_the_reserve_is_free_then_it_is_still_low() {
    let told = Told::new(RESERVE);
    let space = space(told.clone());
    assert!(!space.is_low());
    told.set(RESERVE - 1);
    let status = space.measure();
    assert!(status.is_low);
    let low = LowDiskSpace {
        free: RESERVE - 1,
        needed: RESUME,
    };
    assert_eq!(status.low(), Some(low));
    told.set(RESUME - 1);
    assert!(space.measure().is_low, "it would change with every append");
    told.set(RESUME);
    assert!(!space.measure().is_low);
}

#[test]
fn given_free_bytes_when_more_are_asked_for_than_leave_the_reserve_then_it_is_refused() {
    let told = Told::new(RESERVE + 10);
    let space = space(told.clone());
    assert_eq!(space.admit(10), Ok(()));
    let low = LowDiskSpace {
        free: RESERVE + 10,
        needed: RESERVE + 11,
    };
    assert_eq!(space.admit(11), Err(low));
    // and while it is low, nothing is admitted before there is room to resume
    told.set(RESERVE - 1);
    space.measure();
    for free in [0, RESERVE + 100] {
        told.set(free);
        space.measure();
        let needed = RESUME;
        assert_eq!(space.admit(10), Err(LowDiskSpace { free, needed }));
    }
}

#[test]
fn given_a_low_disk_when_it_has_room_again_then_those_that_wait_go_on() {
    let told = Told::new(0);
    let space = space(told.clone());
    let mut room = Box::pin(space.has_room());
    assert_eq!((&mut room).now_or_never(), None);
    assert_eq!(space.runs_low().now_or_never(), Some(()));
    told.set(u64::MAX);
    space.measure();
    assert_eq!(room.now_or_never(), Some(()));
    assert_eq!(space.runs_low().now_or_never(), None);
}

#[test]
fn a_file_system_that_does_not_say_is_never_low() {
    let space = space(Arc::new(NoFigures));
    let status = space.measure();
    assert_eq!((status.free, status.size, status.low()), (None, None, None));
    assert_eq!(space.admit(u64::MAX), Ok(()));
    assert_eq!(DiskSpace::unlimited().admit(u64::MAX), Ok(()));
}

/// A file system of one size, with all of it free.
#[derive(Debug)]
struct Empty(u64);

impl SpaceMeter for Empty {
    fn measure(&self, _folder: &Path) -> io::Result<Option<Measured>> {
        Ok(Some(Measured {
            free: self.0,
            size: self.0,
        }))
    }
}

#[test]
fn given_no_configured_reserve_then_it_is_128_mib_and_at_most_an_eighth_of_the_file_system() {
    for (size, reserve) in [
        (u64::MAX, 128 * MIB),
        (1_024 * MIB, 128 * MIB),
        (100 * MIB, 100 * MIB / 8),
        (0, 0),
    ] {
        let space = DiskSpace::around("/".into(), Arc::new(Empty(size)), Reserve::Default);
        let status = space.status();
        assert_eq!((status.reserve, status.is_low), (reserve, false), "{size}");
    }
    let given = Reserve::Bytes(300 * MIB);
    let space = DiskSpace::around("/".into(), Arc::new(Empty(100 * MIB)), given);
    assert!(space.is_low(), "the operator has said so");
    let silent = DiskSpace::around("/".into(), Arc::new(NoFigures), Reserve::Default);
    assert_eq!(silent.status().reserve, 128 * MIB);
}
