//! Rows that are not in sled yet, each with the versions at which it changed.

use std::collections::BTreeMap;
use std::ops::Bound;

use cameo_machine::Change;

/// Rows processed in one hold of the lock.
const PIECE_ROWS: usize = 128;
/// Estimated memory of one change, beside its key and value.
const CHANGE_OVERHEAD_BYTES: usize = 96;

/// `None`: deleted at that version.
type Value = Option<Vec<u8>>;

#[derive(Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Vec<u8>, Vec<(u64, Value)>>,
    bytes: usize,
}

impl Overlay {
    /// Approximate memory use.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of rows that changed.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Records one change. Versions never decrease. No reader is at a version after `published`, so
    /// of the changes since then only the newest is kept.
    pub fn insert(&mut self, version: u64, change: Change, published: u64) {
        let (key, value) = match change {
            Change::Put { key, value } => (key, Some(value)),
            Change::Delete { key } => (key, None),
        };
        self.bytes += cost(&key, &value);
        let replaced = match self.rows.get_mut(&key) {
            None => {
                self.rows.insert(key, vec![(version, value)]);
                return;
            }
            Some(versions) => match versions.last_mut() {
                Some((at, last)) if *at > published => {
                    *at = version;
                    std::mem::replace(last, value)
                }
                _ => {
                    versions.push((version, value));
                    return;
                }
            },
        };
        self.bytes -= cost(&key, &replaced);
    }

    /// The row as of `version`; `None` when it is not in the overlay.
    pub fn get(&self, version: u64, key: &[u8]) -> Option<&Value> {
        newest(self.rows.get(key)?, version)
    }

    /// Rows from `start` on as of `version`, including deleted ones.
    pub fn range<'a>(
        &'a self,
        version: u64,
        start: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Value)> {
        self.rows
            .range::<[u8], _>((start, Bound::Unbounded))
            .filter_map(move |(key, versions)| newest(versions, version).map(|value| (key, value)))
    }

    /// The next keys after `after`. Fewer than `PIECE_ROWS` only at the end.
    pub fn piece(&self, after: Option<&[u8]>) -> Piece {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.rows.range::<[u8], _>((lower, Bound::Unbounded));
        Piece(range.take(PIECE_ROWS).map(|(key, _)| key.clone()).collect())
    }

    /// Removes the changes of `keys` up to `version`.
    pub fn prune(&mut self, version: u64, keys: &[Vec<u8>]) {
        for key in keys {
            let Some(versions) = self.rows.get_mut(key) else {
                continue;
            };
            let old = versions.partition_point(|(at, _)| *at <= version);
            let freed: usize = versions
                .drain(..old)
                .map(|(_, value)| cost(key, &value))
                .sum();
            if versions.is_empty() {
                self.rows.remove(key);
            }
            self.bytes -= freed;
        }
    }
}

/// Some keys of the overlay, in order.
pub(crate) struct Piece(Vec<Vec<u8>>);

impl Piece {
    pub fn keys(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// The start of the next piece; `None` after the last.
    pub fn next(mut self) -> Option<Vec<u8>> {
        match self.0.len() {
            PIECE_ROWS => self.0.pop(),
            _ => None,
        }
    }
}

fn newest(versions: &[(u64, Value)], version: u64) -> Option<&Value> {
    let end = versions.partition_point(|(at, _)| *at <= version);
    versions[..end].last().map(|(_, value)| value)
}

fn cost(key: &[u8], value: &Value) -> usize {
    key.len() + value.as_ref().map_or(0, Vec::len) + CHANGE_OVERHEAD_BYTES
}
