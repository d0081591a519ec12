//! The node and cluster that a data directory belongs to.

use std::io;
use std::path::Path;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::wire::{self, VersionError};
use serde::{Deserialize, Serialize};

use super::layout::{read_optional, write_durably};

const VERSION: u8 = 1;

/// Identity of a data directory; written once, before the node first votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node's Raft id; an id is never reused with an empty disk.
    pub raft_id: NodeId,
    pub cluster: ClusterId,
}

impl NodeRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        wire::encode_versioned(VERSION, self)
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        wire::decode_versioned(VERSION, bytes).map_err(|error| {
            let (kind, why) = match error {
                VersionError::UnknownVersion(_) => (
                    io::ErrorKind::Unsupported,
                    "the NODE file has a version that this build does not support",
                ),
                VersionError::Wire(_) if bytes.is_empty() => {
                    (io::ErrorKind::InvalidData, "the NODE file is empty")
                }
                VersionError::Wire(_) => (io::ErrorKind::InvalidData, "the NODE file is damaged"),
            };
            io::Error::new(kind, why)
        })
    }

    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        read_optional(path)?
            .map(|bytes| Self::decode(&bytes))
            .transpose()
    }

    /// Writes the record. A record with another identity is never replaced.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        match Self::read(path)? {
            Some(found) if found == *self => Ok(()),
            Some(found) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "this data directory belongs to node {} of another identity: \
                     give node {} an empty directory",
                    found.raft_id, self.raft_id
                ),
            )),
            None => write_durably(path, &self.encode()),
        }
    }
}
