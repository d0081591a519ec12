//! The file by which a founder recognises its cluster's secret: a keyed hash, from which the
//! secret cannot be got.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cameo_common::ids::{ClusterId, NodeId};
use thiserror::Error;

use crate::host::private_file;
use crate::link::ClusterSecret;

const FILE_NAME: &str = "secret-check";
const MAGIC: &[u8; 8] = b"cameochk";
const VERSION: u8 = 1;
/// Magic, version, [`ClusterSecret::check_value`], CRC-32 (little endian) of all before it.
const FILE_BYTES: usize = 8 + 1 + 32 + 4;

/// Why a founder does not start with the secret that it was given.
#[derive(Debug, Error)]
pub enum SecretCheckError {
    #[error("cannot use {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error(
        "{0} is damaged: remove that file, and start this node with the secret file of the other \
         nodes; it is then written again"
    )]
    Damaged(String),
    #[error("{path} has version {version}; this cameod supports version {VERSION}")]
    Version { path: String, version: u8 },
    #[error(
        "the file in --secret is not the one that this node's cluster was formed with, and nothing \
         was changed: give the secret file of the other nodes, or check --data"
    )]
    OtherSecret,
}

/// The file, and the secret that this node was given.
#[derive(Debug, Clone)]
pub(crate) struct SecretCheck {
    path: PathBuf,
    node: NodeId,
    secret: Arc<ClusterSecret>,
}

impl SecretCheck {
    pub fn new(directory: &Path, node: NodeId, secret: Arc<ClusterSecret>) -> Self {
        Self {
            path: directory.join(FILE_NAME),
            node,
            secret,
        }
    }

    /// Compares the secret with the file. A folder of before has none: then it is written.
    ///
    /// # Errors
    /// See [`SecretCheckError`].
    pub fn check(&self, cluster: &ClusterId) -> Result<(), SecretCheckError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.store(cluster),
            Err(error) => return Err(at(&self.path, error)),
        };
        if decode(&self.path, &bytes)? == self.secret.check_value(self.node, cluster) {
            Ok(())
        } else {
            Err(SecretCheckError::OtherSecret)
        }
    }

    /// Durable when it returns.
    pub fn store(&self, cluster: &ClusterId) -> Result<(), SecretCheckError> {
        let bytes = encode(&self.secret.check_value(self.node, cluster));
        private_file::replace(&self.path, &bytes).map_err(|error| at(&self.path, error))
    }
}

/// Reads the file in a data folder, whatever its secret; false where there is none.
///
/// # Errors
/// See [`SecretCheckError`].
pub(crate) fn verify_file(directory: &Path) -> Result<bool, SecretCheckError> {
    let path = directory.join(FILE_NAME);
    match fs::read(&path) {
        Ok(bytes) => decode(&path, &bytes).map(|_| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(&path, error)),
    }
}

fn decode(path: &Path, bytes: &[u8]) -> Result<[u8; 32], SecretCheckError> {
    let damaged = || SecretCheckError::Damaged(path.display().to_string());
    let (head, sum) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
    let rest = head.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (&version, value) = rest.split_first().ok_or_else(damaged)?;
    if crc32fast::hash(head).to_le_bytes() != *sum {
        return Err(damaged());
    }
    if version != VERSION {
        return Err(SecretCheckError::Version {
            path: path.display().to_string(),
            version,
        });
    }
    value.try_into().map_err(|_| damaged())
}

fn at(path: &Path, source: io::Error) -> SecretCheckError {
    SecretCheckError::Io {
        path: path.display().to_string(),
        source,
    }
}

fn encode(value: &[u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(value);
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CLUSTER: ClusterId = ClusterId([9; 32]);

    fn check(directory: &Path, node: u64, secret: &[u8]) -> SecretCheck {
        let secret = ClusterSecret::from_bytes(secret.to_vec()).unwrap();
        SecretCheck::new(directory, NodeId(node), Arc::new(secret))
    }

    #[test]
    fn its_bytes_are_pinned() {
        let mut bytes = b"cameochk\x01".to_vec();
        bytes.extend([7; 32]);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        assert_eq!(encode(&[7; 32]), bytes);
        assert_eq!(bytes.len(), FILE_BYTES);
    }

    #[test]
    fn another_secret_node_or_cluster_is_refused_once_the_file_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let ours = check(dir.path(), 1, b"the cluster's own secret");
        // a folder of before
        ours.check(&CLUSTER).unwrap();
        ours.check(&CLUSTER).unwrap();
        let others = [
            check(dir.path(), 1, b"the secret of another"),
            check(dir.path(), 2, b"the cluster's own secret"),
        ];
        for other in others {
            let refused = other.check(&CLUSTER);
            assert!(matches!(refused, Err(SecretCheckError::OtherSecret)));
        }
        let refused = ours.check(&ClusterId([8; 32]));
        assert!(matches!(refused, Err(SecretCheckError::OtherSecret)));
        ours.check(&CLUSTER).unwrap();
    }

    #[test]
    fn a_damaged_or_newer_file_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let ours = check(dir.path(), 1, b"the cluster's own secret");
        ours.store(&CLUSTER).unwrap();
        let good = fs::read(&ours.path).unwrap();
        let mut newer = good[..good.len() - 4].to_vec();
        newer[8] = 2;
        newer.extend(crc32fast::hash(&newer).to_le_bytes());
        fs::write(&ours.path, &newer).unwrap();
        assert!(matches!(
            ours.check(&CLUSTER),
            Err(SecretCheckError::Version { version: 2, .. })
        ));
        for damaged in [&good[..good.len() - 1], &newer[..12], b""] {
            fs::write(&ours.path, damaged).unwrap();
            assert!(matches!(
                ours.check(&CLUSTER),
                Err(SecretCheckError::Damaged(_))
            ));
            assert_eq!(fs::read(&ours.path).unwrap(), damaged);
        }
    }
}
