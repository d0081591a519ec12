//! The file of the last next descriptor that this node has signed.

use cameo_common::api::OrderedChange;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::Hash;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use super::SuccessionError;
use crate::raft::quarantine::{
    EnvelopeError, QuarantineDisk, QuarantineFile, decode_file, encode_file,
};

const MAGIC: &[u8; 8] = b"cameosuc";
/// Version that this build writes: the whole change, so that another command can finish it.
const VERSION: u8 = 2;
/// The layout before, which is read: which descriptor it was, and no more.
const VERSION_OF_HASHES: u8 = 1;

/// What was signed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Last {
    /// By an earlier build, which kept no more.
    Hash {
        number: u64,
        hash: Hash,
    },
    Change(Box<OrderedChange>),
}

#[derive(Serialize, Deserialize)]
struct HashFile {
    number: u64,
    hash: Hash,
}

#[derive(Serialize, Deserialize)]
struct ChangeFile {
    next: Descriptor,
    operator: Signed<Succession>,
    force: bool,
    order: Signed<OperatorOrder>,
}

impl Last {
    /// Number and hash of the descriptor.
    pub fn descriptor(&self) -> (u64, Hash) {
        match self {
            Self::Hash { number, hash } => (*number, *hash),
            Self::Change(change) => (change.next.number, change.next.hash()),
        }
    }

    /// Whether it was ordered by force, as far as is known.
    pub fn is_forced(&self) -> bool {
        matches!(self, Self::Change(change) if change.force)
    }
}

pub(super) fn encode(change: &OrderedChange) -> Vec<u8> {
    let OrderedChange {
        next,
        operator,
        force,
        order,
    } = change.clone();
    let file = ChangeFile {
        next,
        operator,
        force,
        order,
    };
    encode_file(MAGIC, VERSION, &file)
}

/// Law: a file that cannot be read is no file that is not there.
pub(super) fn read(disk: &dyn QuarantineDisk) -> Result<Option<Last>, SuccessionError> {
    let unreadable = |why: String| SuccessionError::Unreadable(why);
    let read = disk.read(QuarantineFile::Succession);
    let bytes = read.map_err(|error| unreadable(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let last = decode(&bytes);
    last.map(Some)
        .map_err(|error| unreadable(error.to_string()))
}

fn decode(bytes: &[u8]) -> Result<Last, EnvelopeError> {
    let file = match decode_file::<ChangeFile>(MAGIC, VERSION, bytes) {
        Err(EnvelopeError::UnknownVersion(VERSION_OF_HASHES)) => {
            let HashFile { number, hash } = decode_file(MAGIC, VERSION_OF_HASHES, bytes)?;
            return Ok(Last::Hash { number, hash });
        }
        file => file?,
    };
    Ok(Last::Change(Box::new(OrderedChange {
        next: file.next,
        operator: file.operator,
        force: file.force,
        order: file.order,
    })))
}
