//! The digest, without a read of all rows.
#![allow(clippy::unwrap_used)]

use super::*;

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
