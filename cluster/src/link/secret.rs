//! The cluster secret, shared by all nodes of one cluster.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// A shorter secret could be guessed offline from one recorded hello.
pub const MIN_SECRET_BYTES: usize = 16;
/// A longer file is taken for a mistake.
pub const MAX_SECRET_BYTES: usize = 4096;

/// A secret that cannot be used.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("the cluster secret has {0} bytes; it needs {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}")]
    Length(usize),
}

/// The shared secret. Zeroised when dropped; never printed.
pub struct ClusterSecret(Zeroizing<Vec<u8>>);

impl ClusterSecret {
    /// A secret from memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, SecretError> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < MIN_SECRET_BYTES || bytes.len() > MAX_SECRET_BYTES {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_short_secret_is_refused_and_none_is_printed() {
        assert!(matches!(
            ClusterSecret::from_bytes(b"fifteen bytes..".to_vec()),
            Err(SecretError::Length(15))
        ));
        let secret = ClusterSecret::from_bytes(b"0123456789abcdef".to_vec()).unwrap();
        assert_eq!(secret.bytes(), b"0123456789abcdef");
        assert_eq!(format!("{secret:?}"), "ClusterSecret(..)");
    }
}
