//! The trait of record types: a kind, a version, and the earlier versions that still open.

use std::fmt;

use cameo_common::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that the vault can store. A change of its encoding needs a new [`Record::VERSION`], and
/// an entry in [`Record::OLDER`] for the version before.
pub trait Record: Serialize + DeserializeOwned + 'static {
    /// The name of its folder: lower-case letters, digits and `-`.
    const KIND: &'static str;
    const VERSION: u16;
    /// Earlier versions that can be read. Only [`Record::VERSION`] is written.
    const OLDER: &'static [Older<Self>] = &[];
}

/// An earlier version of a record, with its conversion to the present one.
pub struct Older<T> {
    pub(super) version: u16,
    pub(super) decode: fn(&[u8]) -> Option<(String, T)>,
}

impl<T: Record> Older<T> {
    /// The earlier version `O`.
    #[must_use]
    pub const fn of<O: Record + Into<T>>() -> Self {
        Self {
            version: O::VERSION,
            decode: |plain| decode::<O>(plain).map(|(id, old)| (id, old.into())),
        }
    }
}

/// Decodes an id and a record. `None` unless they re-encode to the same bytes.
pub(super) fn decode<T: Record>(plain: &[u8]) -> Option<(String, T)> {
    wire::decode(plain).ok()
}

impl<T> fmt::Debug for Older<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Older(version {})", self.version)
    }
}
