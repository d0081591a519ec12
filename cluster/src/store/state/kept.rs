//! Rows that walks keep as they were, because the write-behind has replaced them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cameo_machine::Rows;
use parking_lot::{Mutex, RwLock};

use super::row::{Key, Value};

/// Memory of a kept row, beside its key and value.
pub(super) const ROW_OVERHEAD_BYTES: usize = 96;

/// The walks through the rows of one generation.
#[derive(Default)]
pub(super) struct Walks(RwLock<Vec<Arc<Kept>>>);

impl Walks {
    /// Begins a walk of a version, which keeps at most about `limit` bytes.
    pub fn begin(&self, version: u64, limit: usize) -> Arc<Kept> {
        let kept = Arc::new(Kept {
            version,
            limit,
            bytes: AtomicUsize::new(0),
            rows: Mutex::default(),
        });
        self.0.write().push(Arc::clone(&kept));
        kept
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    pub fn end(&self, ended: &Arc<Kept>) {
        self.0.write().retain(|kept| !Arc::ptr_eq(kept, ended));
    }

    /// Whether the write-behind has to wait.
    pub fn are_full(&self) -> bool {
        self.0.read().iter().any(|kept| kept.is_full())
    }

    /// Tells the walks before `version` what is replaced. `as_of` has the row at a walk's version.
    pub fn keep(&self, version: u64, key: &Key, as_of: impl Fn(u64) -> Value) {
        for kept in self.0.read().iter().filter(|kept| kept.version < version) {
            kept.keep(key, || as_of(kept.version));
        }
    }
}

/// The rows that one walk keeps.
pub(super) struct Kept {
    version: u64,
    limit: usize,
    bytes: AtomicUsize,
    rows: Mutex<KeptRows>,
}

#[derive(Default)]
struct KeptRows {
    /// The last key that the walk has passed.
    passed: Option<Vec<u8>>,
    /// It has passed all.
    is_over: bool,
    rows: BTreeMap<Key, Value>,
}

impl Kept {
    /// Memory of what it keeps.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn is_full(&self) -> bool {
        self.bytes() > self.limit
    }

    fn keep(&self, key: &Key, row: impl FnOnce() -> Value) {
        let mut kept = self.rows.lock();
        let is_passed = kept
            .passed
            .as_deref()
            .is_some_and(|passed| **key <= *passed);
        if kept.is_over || is_passed || kept.rows.contains_key(key) {
            return;
        }
        let row = row();
        self.bytes.fetch_add(cost(key, &row), Ordering::Relaxed);
        kept.rows.insert(Key::clone(key), row);
    }

    /// Corrects a page, of all rows up to `last`, or of all the rest, and passes it.
    pub fn pass(&self, page: Rows, last: Option<&[u8]>) -> Rows {
        let mut kept = self.rows.lock();
        let later = match last {
            Some(last) => {
                let mut later = kept.rows.split_off::<[u8]>(last);
                if let Some((key, row)) = later.remove_entry::<[u8]>(last) {
                    kept.rows.insert(key, row);
                }
                later
            }
            None => BTreeMap::new(),
        };
        let replaced = std::mem::replace(&mut kept.rows, later);
        kept.passed = last.map(<[u8]>::to_vec);
        kept.is_over = last.is_none();
        let freed = replaced.iter().map(|(key, row)| cost(key, row)).sum();
        self.bytes.fetch_sub(freed, Ordering::Relaxed);
        if replaced.is_empty() {
            return page;
        }
        let mut rows: BTreeMap<_, _> = page.into_iter().collect();
        for (key, row) in replaced {
            match row {
                Some(value) => rows.insert(key.to_vec(), value.to_vec()),
                None => rows.remove(&*key),
            };
        }
        rows.into_iter().collect()
    }
}

fn cost(key: &[u8], row: &Value) -> usize {
    key.len() + row.as_ref().map_or(0, |value| value.len()) + ROW_OVERHEAD_BYTES
}
