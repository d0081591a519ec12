//! Decoding, and the check that the bytes are canonical.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are no encoding of the type.
    #[error("the bytes do not decode")]
    Malformed,
    /// The bytes decode, but encoding the value gives other bytes.
    #[error("the bytes are not in canonical form")]
    NotCanonical,
}

/// Decodes the canonical bytes of a value.
pub fn decode<'a, T: Serialize + Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match decode_prefix(bytes)? {
        (value, []) => Ok(value),
        _ => Err(WireError::NotCanonical),
    }
}

/// Decodes a value whose canonical bytes come first. Returns it with the bytes after them.
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

/// Decodes a value from bytes that this program has encoded itself, without the canonical check:
/// what is read again and again, and nobody else has written.
pub fn decode_own<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(WireError::NotCanonical),
        Err(_) => Err(WireError::Malformed),
    }
}

/// Decodes the first fields of a value without the canonical check, so that an error can name an
/// unexpected label or version. The whole value must be decoded afterwards.
pub fn peek<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    postcard::take_from_bytes(bytes)
        .map(|(fields, _)| fields)
        .map_err(|_| WireError::Malformed)
}

fn is_encoding_of<T: Serialize>(bytes: &[u8], value: &T) -> bool {
    postcard::serialize_with_flavor(value, Compare(bytes)).is_ok_and(|rest| rest.is_empty())
}

/// Compares the written bytes with the expected ones, and fails at the first difference. Holds the
/// expected bytes that are left.
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
