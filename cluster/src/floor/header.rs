//! Header of the floor file: whose floors these are.

use std::io;

use cameo_common::ids::{ClusterId, NodeId};

use super::disk::FloorDisk;
use super::error::OpenError;

const MAGIC: &[u8; 8] = b"cameoflo";
/// Version of the header, the frames and the records.
const VERSION: u16 = 1;
/// Magic, version, node, cluster, CRC-32 of these.
pub(super) const LENGTH: usize = 8 + 2 + 8 + 32 + 4;

/// The node whose floors a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub node: NodeId,
    pub cluster: ClusterId,
}

/// Creates the file of a node that has just got its cluster, durably. A file that is there stays.
///
/// # Errors
/// When it cannot be written.
pub fn create(disk: &dyn FloorDisk, owner: Owner) -> io::Result<()> {
    disk.create(encode(owner))
}

pub(super) fn encode(owner: Owner) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&owner.node.0.to_le_bytes());
    bytes.extend_from_slice(&owner.cluster.0);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The node and cluster that a header names. Its checksum is not looked at.
pub(super) fn owner(bytes: &[u8]) -> Result<Owner, OpenError> {
    let header = bytes.first_chunk::<LENGTH>();
    let header = header.ok_or(OpenError::DamagedHeader)?;
    let mut node = [0; 8];
    node.copy_from_slice(&header[10..18]);
    let mut cluster = [0; 32];
    cluster.copy_from_slice(&header[18..50]);
    Ok(Owner {
        node: NodeId(u64::from_le_bytes(node)),
        cluster: ClusterId(cluster),
    })
}

/// Checks the header; returns what follows it.
pub(super) fn check(bytes: &[u8], owner: Owner) -> Result<&[u8], OpenError> {
    let (header, rest) = bytes
        .split_at_checked(LENGTH)
        .ok_or(OpenError::DamagedHeader)?;
    let version = u16::from_le_bytes([header[8], header[9]]);
    if &header[..8] == MAGIC && version != VERSION {
        return Err(OpenError::UnknownVersion(version));
    }
    let (covered, crc) = header.split_at(LENGTH - 4);
    if &header[..8] != MAGIC || crc32fast::hash(covered).to_le_bytes() != crc {
        return Err(OpenError::DamagedHeader);
    }
    if header != encode(owner) {
        return Err(OpenError::OtherOwner);
    }
    Ok(rest)
}
