//! Canonical bytes: postcard, accepted only when encoding again gives the same bytes.
//!
//! postcard by itself takes overlong integers and ignores what follows a value; both would let one
//! statement have two encodings, and so two hashes.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes that are not the canonical encoding of what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not an encoding of the type at all.
    #[error("the bytes do not decode")]
    Malformed,
    /// Decodes, but is not what encoding gives.
    #[error("the bytes are not in canonical form")]
    NotCanonical,
}

/// The canonical bytes of a value.
///
/// # Panics
/// When the type cannot be written as postcard, which is a mistake in the type and not in its value.
#[must_use]
#[allow(clippy::expect_used)]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("wire types have lengths known before they are written")
}

/// The value whose canonical bytes these are.
///
/// # Errors
/// When the bytes do not decode, or are not canonical.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let value: T = postcard::from_bytes(bytes).map_err(|_| WireError::Malformed)?;
    if encode(&value) == bytes {
        Ok(value)
    } else {
        Err(WireError::NotCanonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&7u32);
        bytes.push(0);
        assert_eq!(decode::<u32>(&bytes), Err(WireError::NotCanonical));
    }

    #[test]
    fn overlong_integers_are_refused() {
        assert_eq!(decode::<u32>(&[0x87, 0x00]), Err(WireError::NotCanonical));
    }
}
