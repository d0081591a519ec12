//! Walks while rows change and are written to sled.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use cameo_machine::Change;
use proptest::prelude::*;

use super::*;
use crate::consensus_types::aliases::{CommittedLeaderId, LogId};
use crate::store::state::kept::ROW_OVERHEAD_BYTES;

/// Keys of sled, and of the retry table, which are resident.
const KINDS: [u8; 3] = [b'k', b'P', b'Q'];

struct Bench {
    _folder: tempfile::TempDir,
    generation: Arc<Generation>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let generation = Generation::create(&folder.path().join("state")).unwrap();
        Self {
            _folder: folder,
            generation: Arc::new(generation),
            rows: BTreeMap::new(),
            index: 0,
        }
    }

    fn key(number: u8) -> Vec<u8> {
        vec![KINDS[usize::from(number) % KINDS.len()], number]
    }

    /// Applies an entry that writes or deletes one row.
    fn apply(&mut self, number: u8, value: Option<u8>) {
        let key = Self::key(number);
        let change = match value {
            Some(value) => {
                self.rows.insert(key.clone(), vec![value]);
                Change::Put {
                    key,
                    value: vec![value],
                }
            }
            None => {
                self.rows.remove(&key);
                Change::Delete { key }
            }
        };
        self.generation.insert(self.index + 1, vec![change]);
        self.generation.publish(Applied {
            log_id: Some(LogId::new(CommittedLeaderId::new(1), self.index)),
            ..Applied::default()
        });
        self.index += 1;
    }

    fn write_back(&self) {
        if let Some(applied) = self.generation.unwritten() {
            self.generation.write_back(&applied).unwrap();
        }
    }

    fn walk(&self, page_rows: usize) -> Walk {
        let view = StoreView {
            generation: Arc::clone(&self.generation),
            applied: self.generation.enter(),
        };
        let mut walk = Walk::new(&view, usize::MAX);
        walk.page_rows = page_rows;
        walk
    }
}

fn finish(mut walk: Walk, mut seen: Rows) -> Rows {
    while let Some(page) = walk.next_page() {
        seen.extend(page);
    }
    seen
}

fn as_rows(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Rows {
    let rows = rows.iter();
    rows.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[test]
fn given_a_walk_when_rows_that_it_has_not_passed_are_replaced_then_it_has_the_old_ones() {
    // given rows in sled, and newer ones in the overlay
    let mut bench = Bench::new();
    for number in 0..30 {
        bench.apply(number, Some(number));
    }
    bench.write_back();
    bench.apply(1, Some(200));
    bench.apply(2, None);
    let before = as_rows(&bench.rows);
    let mut walk = bench.walk(4);
    let seen = walk.next_page().unwrap();
    // when all change, and are written
    for number in 0..40 {
        bench.apply(number, (number % 2 == 0).then_some(100));
        bench.write_back();
    }
    // then the walk has those of before, and what comes after it has the new ones
    assert!(walk.kept.bytes() > 0);
    assert_eq!(finish(walk, seen), before);
    assert_eq!(finish(bench.walk(7), Rows::new()), as_rows(&bench.rows));
    // and nothing is kept for it any more
    assert!(bench.generation.walks.is_empty());
}

#[test]
fn a_walk_keeps_what_is_ahead_of_it_alone_and_is_full_beyond_its_limit() {
    let mut bench = Bench::new();
    for number in 0..90 {
        bench.apply(number, Some(number));
    }
    bench.write_back();
    // given a walk that has passed the resident rows, and may keep one row
    let mut walk = bench.walk(60);
    bench.generation.walks.end(&walk.kept);
    let version = walk.applied.version();
    walk.kept = bench
        .generation
        .walks
        .begin(version, ROW_OVERHEAD_BYTES + 3);
    walk.next_page().unwrap();
    // when one of those is replaced, then nothing is kept
    bench.apply(1, Some(0));
    bench.write_back();
    assert_eq!(walk.kept.bytes(), 0);
    // when others are, then the write-behind has to wait, until the walk is over
    for number in [0, 3] {
        assert!(!bench.generation.walks.are_full());
        bench.apply(number, Some(0));
        bench.write_back();
    }
    assert!(bench.generation.walks.are_full());
    drop(walk);
    assert!(!bench.generation.walks.are_full());
}

#[derive(Debug, Clone)]
enum Step {
    Apply(u8, Option<u8>),
    WriteBack,
    Page,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let row = (0..24_u8, proptest::option::of(any::<u8>()));
    let step = prop_oneof![
        6 => row.prop_map(|(key, value)| Step::Apply(key, value)),
        2 => Just(Step::WriteBack),
        1 => Just(Step::Page),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_walk_has_the_rows_of_its_version(before in steps(), meanwhile in steps()) {
        let mut bench = Bench::new();
        for step in before {
            match step {
                Step::Apply(key, value) => bench.apply(key, value),
                Step::WriteBack => bench.write_back(),
                Step::Page => {}
            }
        }
        let expected = as_rows(&bench.rows);
        let mut walk = bench.walk(3);
        let mut seen = Rows::new();
        for step in meanwhile {
            match step {
                Step::Apply(key, value) => bench.apply(key, value),
                Step::WriteBack => bench.write_back(),
                Step::Page => seen.extend(walk.next_page().unwrap_or_default()),
            }
        }
        prop_assert_eq!(finish(walk, seen), expected);
        prop_assert_eq!(finish(bench.walk(5), Rows::new()), as_rows(&bench.rows));
    }
}
