//! Bytes to values, and the check that they are canonical.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not an encoding of the type at all.
    #[error("the bytes do not decode")]
    Malformed,
    /// Decodes, but encoding the value again gives other bytes.
    #[error("the bytes are not in canonical form")]
    NotCanonical,
}

/// The value whose canonical bytes these are.
pub fn decode<'a, T: Serialize + Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match decode_prefix(bytes)? {
        (value, []) => Ok(value),
        _ => Err(WireError::NotCanonical),
    }
}

/// The value whose canonical bytes come first, and the bytes after them.
pub fn decode_prefix<'a, T: Serialize + Deserialize<'a>>(
    bytes: &'a [u8],
) -> Result<(T, &'a [u8]), WireError> {
    let (value, rest): (T, _) =
        postcard::take_from_bytes(bytes).map_err(|_| WireError::Malformed)?;
    let encoded = &bytes[..bytes.len() - rest.len()];
    if is_encoding_of(encoded, &value) {
        Ok((value, rest))
    } else {
        Err(WireError::NotCanonical)
    }
}

/// The first fields of a value, unchecked: to name a label or a version that does not fit. The
/// whole is decoded afterwards.
pub fn peek<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    postcard::take_from_bytes(bytes)
        .map(|(fields, _)| fields)
        .map_err(|_| WireError::Malformed)
}

fn is_encoding_of<T: Serialize>(bytes: &[u8], value: &T) -> bool {
    postcard::serialize_with_flavor(value, Compare(bytes)).is_ok_and(|rest| rest.is_empty())
}

/// Takes what is written off the front of the expected bytes, and fails where they differ.
struct Compare<'a>(&'a [u8]);

impl<'a> Flavor for Compare<'a> {
    type Output = &'a [u8];

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.0.split_first() {
            Some((&expected, rest)) if expected == byte => {
                self.0 = rest;
                Ok(())
            }
            _ => Err(postcard::Error::SerializeBufferFull),
        }
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0 = self
            .0
            .strip_prefix(bytes)
            .ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.0)
    }
}
