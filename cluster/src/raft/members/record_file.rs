//! The node's durable record of its cluster.
//!
//! The record is written and synced before the node accepts appends or votes. So a node with an
//! empty directory belongs to no cluster, and has no earlier vote to break.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cameo_common::ids::NodeId;
use cameo_common::wire;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::lost_folder::LOST_FOLDER;
use crate::host::private_file;
use crate::raft::genesis::Genesis;

const FILE_NAME: &str = "genesis";
const MAGIC: &[u8; 8] = b"cameogen";
const VERSION: u8 = 2;
/// Of the record of a cluster with a predecessor.
const SUCCEEDING_VERSION: u8 = 3;

/// Why the record of the cluster cannot be used.
#[derive(Debug, Error)]
pub enum RecordError {
    #[error("cannot use {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{0} is damaged. {LOST_FOLDER}")]
    Damaged(String),
    #[error(
        "{path} has version {version}; this cameod supports versions {VERSION} and \
         {SUCCEEDING_VERSION}"
    )]
    Version { path: String, version: u8 },
    #[error("{path} belongs to node {found}, and this is node {expected}; check --id and --data")]
    OtherNode {
        path: String,
        found: NodeId,
        expected: NodeId,
    },
}

/// The recorded node, cluster, and state of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub node: NodeId,
    pub genesis: Genesis,
    /// The log has begun: an empty log now is a loss.
    pub initialised: bool,
}

/// The file of the record.
#[derive(Debug, Clone)]
pub(crate) struct RecordFile(PathBuf);

impl RecordFile {
    pub fn of(directory: &Path) -> Self {
        Self(directory.join(FILE_NAME))
    }

    pub fn load(&self, node: NodeId) -> Result<Option<Record>, RecordError> {
        match self.read()? {
            Some(record) if record.node != node => Err(RecordError::OtherNode {
                path: self.name(),
                found: record.node,
                expected: node,
            }),
            record => Ok(record),
        }
    }

    /// The record, of any node.
    pub fn read(&self) -> Result<Option<Record>, RecordError> {
        match fs::read(&self.0) {
            Ok(bytes) => self.decode(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.at(error)),
        }
    }

    /// Durable when it returns.
    pub fn store(&self, record: &Record) -> Result<(), RecordError> {
        private_file::replace(&self.0, &encode(record)).map_err(|error| self.at(error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Record, RecordError> {
        let damaged = || RecordError::Damaged(self.name());
        let (head, sum) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        let rest = head.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let (&version, content) = rest.split_first().ok_or_else(damaged)?;
        if crc32fast::hash(head).to_le_bytes() != *sum {
            return Err(damaged());
        }
        if ![VERSION, SUCCEEDING_VERSION].contains(&version) {
            return Err(RecordError::Version {
                path: self.name(),
                version,
            });
        }
        let record = wire::decode(content).map_err(|_| damaged())?;
        match version_of(&record) == version {
            true => Ok(record),
            false => Err(damaged()),
        }
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn at(&self, source: io::Error) -> RecordError {
        RecordError::Io {
            path: self.name(),
            source,
        }
    }
}

fn version_of(record: &Record) -> u8 {
    match record.genesis.terms.predecessor {
        None => VERSION,
        Some(_) => SUCCEEDING_VERSION,
    }
}

/// Layout: magic, version, canonical bytes, CRC-32 (little endian) of all bytes before it.
fn encode(record: &Record) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(version_of(record));
    wire::append(&mut bytes, record);
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::raft::genesis::{GenesisMember, GenesisTerms};
    use cameo_common::ids::{ClusterId, Hash};
    use cameo_common::keys::PublicKey;
    use cameo_common::predecessor::Predecessor;
    use cameo_common::registration::RegistrationMode;

    fn founder(id: u8) -> GenesisMember {
        GenesisMember {
            id: NodeId(u64::from(id)),
            link: format!("h{id}:1"),
            http: format!("http://h{id}:2"),
            key: [id; 32],
            sealing: [id + 100; 32],
        }
    }

    fn record() -> Record {
        Record {
            node: NodeId(1),
            genesis: Genesis {
                members: vec![founder(1)],
                terms: GenesisTerms {
                    operator: PublicKey([8; 32]),
                    registration: RegistrationMode::Closed,
                    predecessor: None,
                },
                nonce: [9; 32],
            },
            initialised: true,
        }
    }

    #[test]
    fn the_bytes_of_the_record_are_pinned() {
        let mut bytes = b"cameogen\x02\x01\x01\x01".to_vec();
        bytes.extend(b"\x04h1:1\x0bhttp://h1:2");
        bytes.extend([1; 32]);
        bytes.extend([101; 32]);
        bytes.extend([8; 32]);
        bytes.push(2);
        bytes.extend([9; 32]);
        bytes.push(1);
        let sum = crc32fast::hash(&bytes);
        bytes.extend(sum.to_le_bytes());
        assert_eq!(encode(&record()), bytes);
    }

    #[test]
    fn the_record_of_a_cluster_with_a_predecessor_has_a_version_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = RecordFile::of(dir.path());
        let mut record = record();
        record.genesis.terms.predecessor = Some(Predecessor {
            cluster: ClusterId([1; 32]),
            index: 300,
            state: Hash([2; 32]),
            content: Hash([3; 32]),
        });
        file.store(&record).unwrap();
        let bytes = fs::read(&file.0).unwrap();
        assert_eq!(&bytes[..9], b"cameogen\x03");
        let ids = [&[5][..], &[1; 32], &[0xac, 2], &[2; 32], &[3; 32]].concat();
        assert!(bytes.windows(ids.len()).any(|some| some == ids));
        assert_eq!(file.load(NodeId(1)).unwrap(), Some(record));
    }

    #[test]
    fn a_record_is_restored_and_damage_another_version_or_another_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = RecordFile::of(dir.path());
        assert_eq!(file.load(NodeId(1)).unwrap(), None);
        file.store(&record()).unwrap();
        assert_eq!(file.load(NodeId(1)).unwrap(), Some(record()));
        assert!(matches!(
            file.load(NodeId(2)),
            Err(RecordError::OtherNode {
                found: NodeId(1),
                ..
            })
        ));

        let good = fs::read(&file.0).unwrap();
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file.0, flipped).unwrap();
            let refused = file.load(NodeId(1));
            assert!(matches!(refused, Err(RecordError::Damaged(_))), "byte {at}");
        }

        let mut newer = good[..good.len() - 4].to_vec();
        newer[8] = 4;
        let sum = crc32fast::hash(&newer);
        newer.extend(sum.to_le_bytes());
        fs::write(&file.0, newer).unwrap();
        assert!(matches!(
            file.load(NodeId(1)),
            Err(RecordError::Version { version: 4, .. })
        ));
    }
}
