//! Encoding.

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use zeroize::Zeroizing;

/// The canonical bytes of a value. Panics when postcard cannot encode the type, whatever its value.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, value);
    bytes
}

/// Appends the canonical bytes of a value to a buffer that already has a prefix, such as a length,
/// a magic number or a version. Panics as [`encode`].
pub fn append<T: Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) {
    write(value, Append(buffer));
}

/// The canonical bytes of a secret, in a buffer that is cleared when dropped.
///
/// The buffer is allocated once at its final size: a growing buffer would leave copies of the bytes
/// in freed memory. Panics as [`encode`].
#[must_use]
pub fn encode_secret<T: Serialize + ?Sized>(value: &T) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(size(value)));
    append(&mut bytes, value);
    bytes
}

/// Length of the canonical bytes. Panics as [`encode`].
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
