//! The cluster secret, shared by all nodes of one cluster.

use std::fmt;

use cameo_common::ids::{ClusterId, NodeId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

/// A shorter secret could be guessed offline from one recorded hello.
pub const MIN_SECRET_BYTES: usize = 16;
/// A longer file is taken for a mistake.
pub const MAX_SECRET_BYTES: usize = 4096;

const CHECK_LABEL: &[u8] = b"cameo secret check 1";

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

    /// The value by which a node of a cluster recognises the secret: HMAC-SHA256(secret, label, id
    /// of the node in 8 bytes, little endian, id of the cluster). Not a proof for a link.
    pub fn check_value(&self, node: NodeId, cluster: &ClusterId) -> [u8; 32] {
        let mut mac = self.mac();
        mac.update(CHECK_LABEL);
        mac.update(&node.0.to_le_bytes());
        mac.update(&cluster.0);
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA256 under the secret, of nothing yet.
    pub(super) fn mac(&self) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length")
    }

    #[cfg(test)]
    fn bytes(&self) -> &[u8] {
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

    #[test]
    fn the_check_value_is_pinned() {
        let secret = ClusterSecret::from_bytes(b"0123456789abcdef".to_vec()).unwrap();
        let value = secret.check_value(NodeId(2), &ClusterId([9; 32]));
        assert_eq!(
            data_encoding::HEXLOWER.encode(&value),
            "54381ca918d3cbc853054fb880025ebf9fb6217e5f4404c420d205dd471b7b3f"
        );
    }
}
