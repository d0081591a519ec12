//! What can be kept: a type with a kind and a version, and the shapes that it had before.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// A type that can be kept. Change [`Record::VERSION`] with its encoding, and say how the one before is read.
pub trait Record: Serialize + DeserializeOwned + 'static {
    /// Its folder: lower-case letters, digits and `-`.
    const KIND: &'static str;
    const VERSION: u16;
    /// Earlier versions that still open. What is written is always [`Record::VERSION`].
    const OLDER: &'static [Older<Self>] = &[];
}

/// An earlier shape of a record, and the step from it to the present one.
pub struct Older<T> {
    pub(super) version: u16,
    pub(super) decode: fn(&[u8]) -> Option<(String, T)>,
}

impl<T: Record> Older<T> {
    /// The shape `O`.
    #[must_use]
    pub const fn of<O: Record + Into<T>>() -> Self {
        Self {
            version: O::VERSION,
            decode: |plain| decode::<O>(plain).map(|(id, old)| (id, old.into())),
        }
    }
}

/// Refuses what would not be written the same way again.
pub(super) fn decode<T: Record>(plain: &[u8]) -> Option<(String, T)> {
    let record: (String, T) = postcard::from_bytes(plain).ok()?;
    let again = Zeroizing::new(postcard::to_stdvec(&record).ok()?);
    (*again == plain).then_some(record)
}

impl<T> fmt::Debug for Older<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Older(version {})", self.version)
    }
}
