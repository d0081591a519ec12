//! Versioned values: the version is one byte before the value, or its first field.

use serde::{Deserialize, Serialize};

use crate::{WireError, append, decode, peek};

/// Bytes that are no value of the expected version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("version {0} is unknown")]
    UnknownVersion(u16),
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// The version byte, then the canonical bytes of the value. Panics as [`crate::encode`].
#[must_use]
pub fn encode_versioned<T: Serialize + ?Sized>(version: u8, value: &T) -> Vec<u8> {
    let mut bytes = vec![version];
    append(&mut bytes, value);
    bytes
}

/// Decodes a value after its version byte, which must be `version`.
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

/// Decodes a value whose first field, a `u16`, must be `version`. The field is part of the type.
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
