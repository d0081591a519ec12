//! Encoding of the log's records.
//!
//! Ids and votes are fixed-width big-endian numbers; an entry is its length, then one version byte
//! and postcard. `raft-log` adds a CRC-32 to each record.

use std::io::{self, Read, Write};
use std::sync::Arc;

use cameo_common::ids::NodeId;
use cameo_common::wire::{decode_versioned, encode_versioned};
use openraft::EntryPayload;
use raft_log::codeq::{Decode, Encode};
use serde::{Deserialize, Serialize, Serializer};

use super::group::Waiters;
use crate::consensus_types::EntryBytes;
use crate::consensus_types::aliases::{CommittedLeaderId, Entry, LeaderId, LogId, Payload, Vote};
use crate::store::meta::MembershipV1;

const VERSION: u8 = 1;

/// Largest proposal. Proposers must refuse larger ones: a log that refuses an entry stops.
pub const MAX_PROPOSAL_BYTES: usize = 1 << 20;
/// Largest entry that the log accepts, in writing and reading.
const MAX_ENTRY_BYTES: usize = 4 * MAX_PROPOSAL_BYTES;

/// The type parameters of `raft-log`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct LogTypes;

impl raft_log::Types for LogTypes {
    type LogId = LogKey;
    type LogPayload = EntryRecord;
    type Vote = VoteRecord;
    type Callback = Waiters;
    type UserData = ();

    fn log_index(key: &LogKey) -> u64 {
        key.index
    }

    fn payload_size(record: &EntryRecord) -> u64 {
        record.0.len() as u64
    }
}

/// A log id, in Raft's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct LogKey {
    pub term: u64,
    pub index: u64,
}

impl From<&LogId> for LogKey {
    fn from(id: &LogId) -> Self {
        Self {
            term: id.committed_leader_id().term,
            index: id.index(),
        }
    }
}

impl From<LogKey> for LogId {
    fn from(key: LogKey) -> Self {
        LogId::new(CommittedLeaderId { term: key.term }, key.index)
    }
}

impl Encode for LogKey {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        Ok(self.term.encode(&mut w)? + self.index.encode(&mut w)?)
    }
}

impl Decode for LogKey {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        Ok(Self {
            term: u64::decode(&mut r)?,
            index: u64::decode(&mut r)?,
        })
    }
}

/// A vote. Its order is openraft's: in one term that of a leader replaces any other, and two that
/// were merely given are not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct VoteRecord {
    pub term: u64,
    pub committed: bool,
    pub node: NodeId,
}

impl From<&Vote> for VoteRecord {
    fn from(vote: &Vote) -> Self {
        Self {
            term: vote.leader_id.term,
            node: vote.leader_id.voted_for,
            committed: vote.committed,
        }
    }
}

impl From<VoteRecord> for Vote {
    fn from(record: VoteRecord) -> Self {
        Self {
            leader_id: LeaderId {
                term: record.term,
                voted_for: record.node,
            },
            committed: record.committed,
        }
    }
}

impl Encode for VoteRecord {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        let n = self.term.encode(&mut w)? + self.node.0.encode(&mut w)?;
        Ok(n + u8::from(self.committed).encode(&mut w)?)
    }
}

impl Decode for VoteRecord {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        Ok(Self {
            term: u64::decode(&mut r)?,
            node: NodeId(u64::decode(&mut r)?),
            committed: match u8::decode(&mut r)? {
                0 => false,
                1 => true,
                _ => return Err(invalid("a vote is neither committed nor uncommitted")),
            },
        })
    }
}

/// An entry's encoded payload; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct EntryRecord(Arc<[u8]>);

#[derive(Serialize, Deserialize)]
enum PayloadV1<'a> {
    Blank,
    Normal(#[serde(borrow, serialize_with = "as_bytes")] &'a [u8]),
    Membership(MembershipV1),
}

/// Serializes all bytes at once; postcard's encoding is the same as byte by byte.
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl EntryRecord {
    /// Refuses an entry above `MAX_ENTRY_BYTES`.
    pub fn new(payload: &Payload) -> io::Result<Self> {
        let row = match payload {
            EntryPayload::Blank => PayloadV1::Blank,
            EntryPayload::Normal(EntryBytes(bytes)) => PayloadV1::Normal(bytes),
            EntryPayload::Membership(membership) => PayloadV1::Membership(membership.into()),
        };
        let bytes = encode_versioned(VERSION, &row);
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "an entry of {} bytes exceeds the log's limit of {MAX_ENTRY_BYTES}",
                    bytes.len()
                ),
            ));
        }
        Ok(Self(bytes.into()))
    }

    pub fn entry(&self, key: LogKey) -> io::Result<Entry> {
        let row = decode_versioned(VERSION, &self.0)
            .map_err(|error| invalid(&format!("log entry {}: {error}", key.index)))?;
        let payload = match row {
            PayloadV1::Blank => EntryPayload::Blank,
            PayloadV1::Normal(bytes) => EntryPayload::Normal(EntryBytes(bytes.to_vec())),
            PayloadV1::Membership(row) => EntryPayload::Membership(
                row.restore()
                    .map_err(|error| invalid(&format!("log entry {}: {error}", key.index)))?,
            ),
        };
        Ok(Entry {
            log_id: key.into(),
            payload,
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Encode for EntryRecord {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        let length = u32::try_from(self.0.len()).map_err(|_| invalid("entry too long"))?;
        let n = length.encode(&mut w)?;
        w.write_all(&self.0)?;
        Ok(n + self.0.len())
    }
}

impl Decode for EntryRecord {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        let length = u32::decode(&mut r)? as usize;
        if length > MAX_ENTRY_BYTES {
            return Err(invalid("the length of an entry exceeds the limit"));
        }
        let mut bytes = vec![0; length];
        r.read_exact(&mut bytes)?;
        Ok(Self(bytes.into()))
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
