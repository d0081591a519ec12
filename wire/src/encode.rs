//! Values to bytes.

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use zeroize::Zeroizing;

/// The canonical bytes of a value.
///
/// # Panics
/// When the type cannot be written as postcard, which is a mistake in the type and not in its
/// value.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, value);
    bytes
}

/// Appends the canonical bytes of a value to a buffer that has a prefix already: a length, a
/// magic number, a version.
///
/// # Panics
/// As [`encode`].
pub fn append<T: Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) {
    write(value, Append(buffer));
}

/// The canonical bytes of a secret, in a buffer that is cleared when dropped.
///
/// The buffer is allocated once at its final size: one that grows would leave the bytes behind in
/// the memory that it gives back.
///
/// # Panics
/// As [`encode`].
#[must_use]
pub fn encode_secret<T: Serialize + ?Sized>(value: &T) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(size(value)));
    append(&mut bytes, value);
    bytes
}

/// Number of bytes that [`encode`] gives.
///
/// # Panics
/// As [`encode`].
#[must_use]
pub fn size<T: Serialize + ?Sized>(value: &T) -> usize {
    write(value, Size::default())
}

#[allow(clippy::expect_used)]
fn write<T: Serialize + ?Sized, F: Flavor>(value: &T, flavor: F) -> F::Output {
    postcard::serialize_with_flavor(value, flavor)
        .expect("wire types have lengths known before they are written")
}

struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
