//! The node's keys: Ed25519 for authentication and signatures, X25519 for sealed parts.
//!
//! Both are in one file of mode 0600 in the data folder. It is created on the first start and never
//! replaced, because the membership and the deals refer to these keys.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use rand::TryRng;
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::host::lost_folder::LOST_FOLDER;
use crate::host::private_file;

const MAGIC: &[u8; 8] = b"cameokey";
const VERSION: u8 = 1;
/// Magic, version, Ed25519 seed, X25519 secret, CRC-32 (little endian) of all before it.
const FILE_BYTES: usize = 8 + 1 + 32 + 32 + 4;

/// A failure to load or create the node's keys.
#[derive(Debug, Error)]
pub enum NodeKeyError {
    #[error("cannot use the node key {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("the node key {0} is readable by others: chmod 600 {0}")]
    Permissions(String),
    #[error(
        "the node key {0} is damaged: put a copy of this file in its place, which never changes. \
         Without one the node is lost. {LOST_FOLDER}"
    )]
    Damaged(String),
    #[error("the node key {path} has version {version}; this cameod supports version {VERSION}")]
    Version { path: String, version: u8 },
    #[error("the system's random generator failed, and no node key was created: {0}")]
    Random(String),
}

/// The node's secret keys. Zeroised when dropped; never printed.
pub struct NodeKeys {
    signing: SigningKey,
    sealing: StaticSecret,
}

impl NodeKeys {
    /// Reads the key file, or creates it (mode 0600, synced) if it does not exist.
    pub fn load_or_create(path: &Path) -> Result<Self, NodeKeyError> {
        if let Some(keys) = Self::load(path)? {
            return Ok(keys);
        }
        let keys = Self::generate()?;
        private_file::replace(path, &keys.encode()).map_err(|e| at(path, e))?;
        Ok(keys)
    }

    /// Reads the key file; None if it does not exist.
    pub fn load(path: &Path) -> Result<Option<Self>, NodeKeyError> {
        match fs::metadata(path) {
            Ok(metadata) => {
                if metadata.mode() & 0o077 != 0 {
                    return Err(NodeKeyError::Permissions(path.display().to_string()));
                }
                let bytes = Zeroizing::new(fs::read(path).map_err(|e| at(path, e))?);
                Self::decode(&bytes, path).map(Some)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(at(path, e)),
        }
    }

    /// New keys from the system's random generator, in memory only.
    pub fn generate() -> Result<Self, NodeKeyError> {
        let mut seeds = Zeroizing::new([0u8; 64]);
        rand::rngs::SysRng
            .try_fill_bytes(seeds.as_mut_slice())
            .map_err(|e| NodeKeyError::Random(e.to_string()))?;
        Ok(Self::from_seeds(&seeds))
    }

    /// Keys from 64 bytes: the Ed25519 seed, then the X25519 secret. For tests and the simulator.
    pub fn from_seeds(seeds: &[u8; 64]) -> Self {
        let mut half = Zeroizing::new([0u8; 32]);
        half.copy_from_slice(&seeds[..32]);
        let signing = SigningKey::from_bytes(&half);
        half.copy_from_slice(&seeds[32..]);
        let sealing = StaticSecret::from(*half);
        Self { signing, sealing }
    }

    /// The Ed25519 public key, as in `Member::key`.
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// The X25519 public key that parts are sealed to.
    pub fn sealing_public(&self) -> [u8; 32] {
        PublicKey::from(&self.sealing).to_bytes()
    }

    /// The X25519 secret, for opening this node's parts.
    pub fn sealing_secret(&self) -> &StaticSecret {
        &self.sealing
    }

    /// The signing key as the type of `cameo-common`, for statements and handshakes.
    pub fn signing_key(&self) -> cameo_common::keys::SigningKey {
        let seed = Zeroizing::new(self.signing.to_bytes());
        cameo_common::keys::SigningKey::from_seed(*seed)
    }

    /// The sealing secret as the type of `cameo-common`, for opening parts.
    pub fn sealing_key(&self) -> cameo_common::keys::SealingSecret {
        let secret = Zeroizing::new(self.sealing.to_bytes());
        cameo_common::keys::SealingSecret::from_bytes(*secret)
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, NodeKeyError> {
        let damaged = || NodeKeyError::Damaged(path.display().to_string());
        if bytes.len() < 9 || &bytes[..8] != MAGIC {
            return Err(damaged());
        }
        if bytes[8] != VERSION {
            return Err(NodeKeyError::Version {
                path: path.display().to_string(),
                version: bytes[8],
            });
        }
        if bytes.len() != FILE_BYTES {
            return Err(damaged());
        }
        let (content, sum) = bytes.split_at(FILE_BYTES - 4);
        if crc32fast::hash(content).to_le_bytes() != sum {
            return Err(damaged());
        }
        let mut seeds = Zeroizing::new([0u8; 64]);
        seeds.copy_from_slice(&content[9..]);
        Ok(Self::from_seeds(&seeds))
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.signing.as_bytes());
        bytes.extend_from_slice(self.sealing.as_bytes());
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKeys(..)")
    }
}

fn at(path: &Path, source: io::Error) -> NodeKeyError {
    NodeKeyError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_format_is_pinned() {
        let mut seeds = [0u8; 64];
        seeds[0] = 1;
        seeds[32] = 2;
        let bytes = NodeKeys::from_seeds(&seeds).encode();
        assert_eq!(bytes.len(), 77);
        assert_eq!(&bytes[..9], b"cameokey\x01");
        assert_eq!(&bytes[9..73], &seeds);
        assert_eq!(bytes[73..], crc32fast::hash(&bytes[..73]).to_le_bytes());
    }

    #[test]
    fn keys_are_reloaded_and_a_file_readable_by_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        let first = NodeKeys::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let second = NodeKeys::load_or_create(&path).unwrap();
        assert_eq!(first.public(), second.public());
        assert_eq!(first.sealing_public(), second.sealing_public());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            NodeKeys::load_or_create(&path),
            Err(NodeKeyError::Permissions(_))
        ));
    }

    #[test]
    fn a_damaged_or_newer_file_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        NodeKeys::load_or_create(&path).unwrap();
        let good = fs::read(&path).unwrap();

        let mut flipped = good.clone();
        flipped[20] ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(matches!(
            NodeKeys::load_or_create(&path),
            Err(NodeKeyError::Damaged(_))
        ));
        assert_eq!(fs::read(&path).unwrap(), flipped);

        let mut newer = good;
        newer[8] = 2;
        fs::write(&path, &newer).unwrap();
        assert!(matches!(
            NodeKeys::load_or_create(&path),
            Err(NodeKeyError::Version { version: 2, .. })
        ));
    }
}
