//! In a process of its own, because a seeded process stays seeded.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::{Duration, SystemTime};

/// A thread draws its keys once, so each draw takes a new one.
fn drawn() -> u64 {
    std::thread::spawn(|| RandomState::new().hash_one(1))
        .join()
        .expect("no panic")
}

#[test]
fn given_a_seed_when_random_bytes_are_drawn_twice_then_they_are_the_same_and_the_clock_stands() {
    cameo_seeded::seed(7, 1_000).expect("Linux with glibc");
    let first = drawn();
    assert_ne!(drawn(), first);
    cameo_seeded::seed(7, 1_000).expect("as before");
    assert_eq!(drawn(), first);
    let thousand = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    assert_eq!(SystemTime::now(), thousand);
}
