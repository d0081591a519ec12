//! A row in memory. Keys and values are shared: a row goes from the overlay to sled, the cache and
//! the resident rows without being copied.

use std::sync::Arc;

pub(super) type Key = Arc<[u8]>;
/// The bytes of a row.
pub(super) type Bytes = sled::IVec;
/// `None`: there is no such row, or it is deleted.
pub(super) type Value = Option<Bytes>;
/// A change of a row.
pub(super) type RowChange = (Key, Value);
pub(super) type Changes = Vec<RowChange>;

/// A key and a value of one's own, as readers get them.
pub(super) fn owned((key, value): (&Key, &Value)) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = value.as_ref()?;
    Some((key.to_vec(), value.to_vec()))
}
