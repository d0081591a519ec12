//! Values behind a version number: one byte before the value, or its own first field.

use serde::{Deserialize, Serialize};

use crate::{WireError, append, decode, peek};

/// Bytes that are not a value of the version that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("version {0} is unknown")]
    UnknownVersion(u16),
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// The version byte, then the canonical bytes of the value.
///
/// # Panics
/// As [`crate::encode`].
#[must_use]
pub fn encode_versioned<T: Serialize + ?Sized>(version: u8, value: &T) -> Vec<u8> {
    let mut bytes = vec![version];
    append(&mut bytes, value);
    bytes
}

/// The value behind this version byte.
pub fn decode_versioned<'a, T: Serialize + Deserialize<'a>>(
    version: u8,
    bytes: &'a [u8],
) -> Result<T, VersionError> {
    match bytes.split_first() {
        None => Err(WireError::Malformed.into()),
        Some((&found, _)) if found != version => Err(VersionError::UnknownVersion(found.into())),
        Some((_, body)) => Ok(decode(body)?),
    }
}

/// The value whose first field is this version, a `u16`; the field is part of the type.
pub fn decode_after_version<'a, T: Serialize + Deserialize<'a>>(
    version: u16,
    bytes: &'a [u8],
) -> Result<T, VersionError> {
    let found = peek::<u16>(bytes)?;
    if found != version {
        return Err(VersionError::UnknownVersion(found));
    }
    Ok(decode(bytes)?)
}
