//! Rows of sled in memory, within a limit: those that entries were decided by.
//!
//! Law: while a row is not in the overlay, its cached value is the one in sled. So only applying
//! fills the cache, while it keeps the overlay from being pruned, and a write to sled replaces what
//! is cached before it prunes the overlay.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::row::{Key, Value};

/// Memory of a cached row, beside its key and value.
const ROW_OVERHEAD_BYTES: usize = 96;
/// Assumed size of a row, from which the cache plans its table.
const TYPICAL_ROW_BYTES: usize = 256;

/// See the module.
pub(super) struct RowCache(Cache<Key, Value, ByteWeighter>);

impl RowCache {
    /// A cache of at most `bytes` bytes, about.
    pub fn of_bytes(bytes: usize) -> Self {
        let rows = bytes / TYPICAL_ROW_BYTES;
        Self(Cache::with_weighter(rows, bytes as u64, ByteWeighter))
    }

    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.get(key)
    }

    pub fn put(&self, key: Key, row: Value) {
        self.0.insert(key, row);
    }

    /// Replaces a row that is cached; any other stays out.
    pub fn replace(&self, key: Key, row: Value) {
        let _uncached = self.0.replace(key, row, false);
    }
}

#[derive(Debug, Clone)]
struct ByteWeighter;

impl Weighter<Key, Value> for ByteWeighter {
    fn weight(&self, key: &Key, row: &Value) -> u64 {
        let value = row.as_ref().map_or(0, |value| value.len());
        (key.len() + value + ROW_OVERHEAD_BYTES) as u64
    }
}
