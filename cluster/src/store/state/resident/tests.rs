#![allow(clippy::unwrap_used)]
use super::*;

fn put(key: u8, value: u8) -> RowChange {
    ([key].into(), Some(vec![value].into()))
}

fn delete(key: u8) -> RowChange {
    ([key].into(), None)
}

fn rows(resident: &Resident) -> Vec<(u8, u8)> {
    let rows = resident.range(Bound::Unbounded);
    rows.map(|(key, value)| (key[0], value[0])).collect()
}

#[test]
fn the_bytes_of_a_block_are_pinned_and_other_versions_are_refused() {
    let block = vec![put(7, 8), delete(9)];
    let bytes = encode_block(&block);
    assert_eq!(bytes, [1, 2, 1, 7, 1, 1, 8, 1, 9, 0]);
    assert_eq!(decode_block(&bytes).unwrap(), block);
    let mut newer = bytes;
    newer[0] = 2;
    assert!(decode_block(&newer).is_err());
}

#[test]
fn a_block_is_dead_once_none_of_its_rows_is_left_and_those_before_it_are_dead() {
    let mut resident = Resident::default();
    // given three blocks, of which the third replaces the row of the second
    resident.take_block(0, &[put(1, 10), put(2, 20)]);
    resident.take_block(1, &[put(3, 30)]);
    resident.take_block(2, &[delete(1), put(3, 31)]);
    // then the first one's second row keeps all of them
    assert_eq!(rows(&resident), [(2, 20), (3, 31)]);
    assert_eq!(resident.dead_blocks(), [0_u64; 0]);
    // and when it is deleted, the third alone is kept: it has the newest value of a row.
    resident.take_block(3, &[delete(2)]);
    assert_eq!(resident.dead_blocks(), [0, 1]);
    resident.forget_blocks(&[0, 1]);
    assert_eq!(resident.dead_blocks(), [0_u64; 0]);
    resident.take_block(4, &[delete(3)]);
    assert_eq!(resident.dead_blocks(), [2, 3, 4]);
    assert!(rows(&resident).is_empty());
}

#[test]
fn whatever_blocks_are_dropped_the_rest_gives_the_same_rows() {
    // given random changes of few rows, so that they meet often
    let seed = 0x5eed;
    println!("seed {seed}");
    let mut random = seed;
    let mut next = || {
        random = xorshift(random);
        random
    };
    let mut resident = Resident::default();
    let mut stored: BTreeMap<u64, Changes> = BTreeMap::new();
    for _ in 0..2_000 {
        let changes: Changes = (0..next() % 4)
            .map(|_| match next() % 3 {
                0 => delete((next() % 12) as u8),
                _ => put((next() % 12) as u8, (next() % 250) as u8),
            })
            .collect();
        let number = resident.next_block();
        for dead in resident.dead_blocks() {
            stored.remove(&dead);
        }
        let dead = resident.dead_blocks();
        resident.forget_blocks(&dead);
        stored.insert(number, changes.clone());
        resident.take_block(number, &changes);
        // when a store is opened with the blocks that it has
        let mut opened = Resident::default();
        for (number, changes) in &stored {
            opened.take_block(*number, changes);
        }
        // then it has the same rows, and goes on in the same way.
        assert_eq!(rows(&opened), rows(&resident));
        assert_eq!(opened.dead_blocks(), resident.dead_blocks());
    }
    assert!(stored.len() < 200, "{} blocks are kept", stored.len());
}

/// xorshift64.
fn xorshift(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}
