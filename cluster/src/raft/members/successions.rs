//! This node's signatures under next descriptors: one of each number.
//!
//! Law: what was signed is on the disk before the signature leaves, and no other descriptor of that
//! number is signed, also after a restart. Two that a majority has signed would be a fork, which
//! clients take for an attack, and that no later descriptor mends. So a change that was begun with
//! wrong nodes is not taken back: it is finished, and changed again.

use std::io;
use std::sync::Arc;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{ClusterId, Hash};
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::link::NodeKeys;
use crate::raft::quarantine::{QuarantineDisk, QuarantineFile, decode_file, encode_file};

const MAGIC: &[u8; 8] = b"cameosuc";
const VERSION: u8 = 1;

/// Why this node does not sign.
#[derive(Debug, Error)]
pub enum SuccessionError {
    #[error(
        "this node has signed another descriptor {number}, of other nodes, and signs no second \
         one: give the command that was given then once more, so that this change is finished, \
         and change the nodes again after that"
    )]
    Other { number: u64 },
    #[error("this node has signed descriptor {0} already, which comes later")]
    Later(u64),
    #[error("DATA/succession cannot be read, and without it this node signs nothing: {0}")]
    Unreadable(String),
    #[error("DATA/succession cannot be written, and nothing was signed: {0}")]
    NotWritten(io::Error),
}

/// The last descriptor that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    number: u64,
    hash: Hash,
}

/// Signs next descriptors, one of each number.
pub(crate) struct Successions {
    keys: Arc<NodeKeys>,
    disk: Arc<dyn QuarantineDisk>,
    /// One signature at a time, so that the file has the newest. Held until the file is written,
    /// also when the caller is gone.
    signing: Arc<Mutex<()>>,
}

impl Successions {
    pub fn new(keys: Arc<NodeKeys>, disk: Arc<dyn QuarantineDisk>) -> Self {
        let signing = Arc::default();
        Self {
            keys,
            disk,
            signing,
        }
    }

    /// Signs that `next` follows `previous`. The caller has checked that it may.
    ///
    /// # Errors
    /// See [`SuccessionError`]: nothing was signed.
    pub async fn sign(
        &self,
        cluster: ClusterId,
        previous: &Descriptor,
        next: &Descriptor,
    ) -> Result<Signed<Succession>, SuccessionError> {
        let signing = Arc::clone(&self.signing).lock_owned().await;
        let (number, hash) = (next.number, next.hash());
        let recorded = record(Arc::clone(&self.disk), Last { number, hash }, signing);
        let recorded = tokio::spawn(recorded).await;
        recorded.map_err(|error| SuccessionError::NotWritten(io::Error::other(error)))??;
        let key = self.keys.signing_key();
        let succession = Succession {
            cluster,
            previous: previous.hash(),
            next: hash,
            signer: key.public(),
        };
        Ok(Signed::new(&key, succession))
    }
}

/// Records what is about to be signed, unless another one of its number, or a later one, was.
async fn record(
    disk: Arc<dyn QuarantineDisk>,
    next: Last,
    _signing: OwnedMutexGuard<()>,
) -> Result<(), SuccessionError> {
    let number = next.number;
    match last(&*disk)? {
        Some(last) if last.number > number => Err(SuccessionError::Later(last.number)),
        Some(last) if last.number == number && last != next => {
            Err(SuccessionError::Other { number })
        }
        Some(last) if last == next => Ok(()),
        _ => {
            let bytes = encode_file(MAGIC, VERSION, &next);
            let written = disk.replace(QuarantineFile::Succession, bytes).await;
            written.map_err(SuccessionError::NotWritten)
        }
    }
}

/// Number of the last next descriptor that the node of this folder has signed.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn last_signed(disk: &dyn QuarantineDisk) -> Result<Option<u64>, SuccessionError> {
    Ok(last(disk)?.map(|last| last.number))
}

/// Law: a file that cannot be read is no file that is not there.
fn last(disk: &dyn QuarantineDisk) -> Result<Option<Last>, SuccessionError> {
    let unreadable = |why: String| SuccessionError::Unreadable(why);
    let read = disk.read(QuarantineFile::Succession);
    let bytes = read.map_err(|error| unreadable(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let last = decode_file(MAGIC, VERSION, &bytes);
    last.map(Some)
        .map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::cluster_descriptor::NodeIdentity;
    use cameo_common::ids::NodeId;
    use cameo_common::keys::{PublicKey, SealingPublic};
    use cameo_common::registration::RegistrationMode;

    use super::*;
    use crate::raft::quarantine::memory_for_tests::InMemory;

    const CLUSTER: ClusterId = ClusterId([5; 32]);

    fn nodes(ids: &[u8]) -> Vec<NodeIdentity> {
        let node = |id: &u8| NodeIdentity {
            id: NodeId(u64::from(*id)),
            key: PublicKey([*id; 32]),
            sealing: SealingPublic([*id; 32]),
        };
        ids.iter().map(node).collect()
    }

    fn first() -> Descriptor {
        let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Invite);
        Descriptor::genesis(nodes(&[1, 2, 3]), operator, mode, Hash([9; 32]))
    }

    #[tokio::test]
    async fn attack_a_second_descriptor_of_one_number_is_not_signed_also_after_a_restart() {
        let disk: Arc<dyn QuarantineDisk> = Arc::new(InMemory::default());
        let keys = Arc::new(NodeKeys::generate().unwrap());
        let started = || Successions::new(keys.clone(), disk.clone());
        let (first, next, other) = (
            first(),
            first().successor(nodes(&[1, 2, 3, 4])),
            first().successor(nodes(&[1, 2])),
        );
        // given a node that has signed a next descriptor
        let node = started();
        let signed = node.sign(CLUSTER, &first, &next).await.unwrap();
        let content = signed.verify().unwrap();
        assert_eq!(
            (content.previous, content.next),
            (first.hash(), next.hash())
        );
        // when it is asked for another one of that number, then it refuses, and says what to do
        for node in [node, started()] {
            let refused = node.sign(CLUSTER, &first, &other).await.unwrap_err();
            assert!(matches!(refused, SuccessionError::Other { number: 1 }));
            assert!(refused.to_string().contains("once more"), "{refused}");
            // and answers with the same one again
            let again = node.sign(CLUSTER, &first, &next).await.unwrap();
            assert_eq!(again.as_bytes(), signed.as_bytes());
        }
        // and goes on with the next number, and not back
        let third = next.successor(nodes(&[2, 3, 4]));
        started().sign(CLUSTER, &next, &third).await.unwrap();
        let back = started().sign(CLUSTER, &first, &next).await.unwrap_err();
        assert!(matches!(back, SuccessionError::Later(2)));
    }

    #[tokio::test]
    async fn the_bytes_of_the_file_are_pinned_and_a_damaged_one_signs_nothing() {
        let disk: Arc<dyn QuarantineDisk> = Arc::new(InMemory::default());
        let keys = Arc::new(NodeKeys::generate().unwrap());
        let node = Successions::new(keys, disk.clone());
        let next = first().successor(nodes(&[1, 2]));
        node.sign(CLUSTER, &first(), &next).await.unwrap();
        let body = [&b"cameosuc"[..], &[1, 1], &next.hash().0].concat();
        let sum = crc32fast::hash(&body).to_le_bytes();
        let bytes = disk.read(QuarantineFile::Succession).unwrap().unwrap();
        assert_eq!(bytes, [&body[..], &sum].concat());
        let mut newer = bytes.clone();
        newer[8] = 2;
        for damaged in [newer, bytes[..9].to_vec(), Vec::new()] {
            disk.replace(QuarantineFile::Succession, damaged)
                .await
                .unwrap();
            let refused = node.sign(CLUSTER, &first(), &next).await.unwrap_err();
            assert!(matches!(refused, SuccessionError::Unreadable(_)));
        }
    }
}
