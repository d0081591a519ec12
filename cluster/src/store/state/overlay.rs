//! Rows that are not in sled yet, each with the versions at which it changed.

use std::collections::BTreeMap;
use std::ops::Bound;

use cameo_machine::Change;

use super::row::{Key, Value};

/// Estimated memory of one change, beside its key and value.
const CHANGE_OVERHEAD_BYTES: usize = 96;

#[derive(Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Key, Versions>,
    bytes: usize,
}

/// The changes of a row. Almost always there is one.
struct Versions {
    older: Vec<(u64, Value)>,
    newest: (u64, Value),
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
    /// of the changes since then only the newest is kept. Returns the key, unless it was returned
    /// for a change that this one replaces.
    pub fn insert(&mut self, version: u64, change: Change, published: u64) -> Option<Key> {
        let (key, value) = match change {
            Change::Put { key, value } => (key, Some(value.into())),
            Change::Delete { key } => (key, None),
        };
        self.bytes += cost(&key, &value);
        let newest = (version, value);
        let this = (Bound::Included(&*key), Bound::Included(&*key));
        if let Some((key, versions)) = self.rows.range_mut::<[u8], _>(this).next() {
            return match versions.push(newest, published) {
                Some(replaced) => {
                    self.bytes -= cost(key, &replaced);
                    None
                }
                None => Some(key.clone()),
            };
        }
        let key = Key::from(key);
        let older = Vec::new();
        self.rows.insert(key.clone(), Versions { older, newest });
        Some(key)
    }

    /// The row as of `version`; `None` when it is not in the overlay.
    pub fn get(&self, version: u64, key: &[u8]) -> Option<&Value> {
        self.rows.get(key)?.as_of(version)
    }

    /// Rows from `start` on as of `version`, including deleted ones.
    pub fn range<'a>(
        &'a self,
        version: u64,
        start: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        self.rows
            .range::<[u8], _>((start, Bound::Unbounded))
            .filter_map(move |(key, versions)| versions.as_of(version).map(|value| (key, value)))
    }

    /// Removes the changes of `keys` up to `version`, and returns the keys that have later ones.
    pub fn prune(&mut self, version: u64, keys: &[Key]) -> Vec<Key> {
        let mut left = Vec::new();
        for key in keys {
            let Some(versions) = self.rows.get_mut(key) else {
                continue;
            };
            self.bytes -= versions.prune(version, key);
            if versions.newest.0 > version {
                left.push(key.clone());
            } else if let Some(last) = self.rows.remove(key) {
                self.bytes -= cost(key, &last.newest.1);
            }
        }
        left
    }
}

impl Versions {
    /// Adds a change; the value that it replaces, if nobody has seen that.
    fn push(&mut self, newest: (u64, Value), published: u64) -> Option<Value> {
        let before = std::mem::replace(&mut self.newest, newest);
        if before.0 > published {
            return Some(before.1);
        }
        self.older.push(before);
        None
    }

    fn as_of(&self, version: u64) -> Option<&Value> {
        if self.newest.0 <= version {
            return Some(&self.newest.1);
        }
        let end = self.older.partition_point(|(at, _)| *at <= version);
        self.older[..end].last().map(|(_, value)| value)
    }

    /// Removes older changes up to a version; the memory that is freed.
    fn prune(&mut self, version: u64, key: &[u8]) -> usize {
        let end = self.older.partition_point(|(at, _)| *at <= version);
        let pruned = self.older.drain(..end);
        pruned.map(|(_, value)| cost(key, &value)).sum()
    }
}

fn cost(key: &[u8], value: &Value) -> usize {
    key.len() + value.as_ref().map_or(0, |value| value.len()) + CHANGE_OVERHEAD_BYTES
}
