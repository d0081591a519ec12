//! This node's signatures under next descriptors: one of each number.
//!
//! Law: what was signed is on the disk before the signature leaves, and no other descriptor of that
//! number is signed, also after a restart. Two that a majority has signed would be a fork, which
//! clients take for an attack, and that no later descriptor mends. So a change that was begun with
//! wrong nodes is not taken back: it is finished, and changed again. The file has the whole change
//! as the operator has ordered it, and the operator's next command is shown it.

mod last_file;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use cameo_common::api::OrderedChange;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::ClusterId;
use cameo_common::signed::Signed;
use thiserror::Error;
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::last_file::Last;
use crate::link::NodeKeys;
use crate::raft::quarantine::{QuarantineDisk, QuarantineFile};

/// Why this node does not sign.
#[derive(Debug, Error)]
pub enum SuccessionError {
    #[error(
        "this node has signed another descriptor {number}, of other nodes, and signs no second \
         one: give the command again, which finishes that change first"
    )]
    Other { number: u64 },
    #[error("this node has signed descriptor {0} already, which comes later")]
    Later(u64),
    #[error("DATA/succession cannot be read, and without it this node signs nothing: {0}")]
    Unreadable(String),
    #[error("DATA/succession cannot be written, and nothing was signed: {0}")]
    NotWritten(io::Error),
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

    /// Signs that a change's descriptor follows `previous`. The caller has checked that it may, and
    /// that the operator has ordered it.
    ///
    /// # Errors
    /// See [`SuccessionError`]: nothing was signed.
    pub async fn sign(
        &self,
        cluster: ClusterId,
        previous: &Descriptor,
        change: &OrderedChange,
    ) -> Result<Signed<Succession>, SuccessionError> {
        let signing = Arc::clone(&self.signing).lock_owned().await;
        let recorded = record(Arc::clone(&self.disk), change.clone(), signing);
        let recorded = tokio::spawn(recorded).await;
        recorded.map_err(|error| SuccessionError::NotWritten(io::Error::other(error)))??;
        let key = self.keys.signing_key();
        let succession = Succession {
            cluster,
            previous: previous.hash(),
            next: change.next.hash(),
            signer: key.public(),
        };
        Ok(Signed::new(&key, succession))
    }

    /// The last change that was signed; none either where an earlier build has signed it.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn begun(&self) -> Result<Option<OrderedChange>, SuccessionError> {
        Ok(match last_file::read(&*self.disk)? {
            Some(Last::Change(change)) => Some(*change),
            Some(Last::Hash { .. }) | None => None,
        })
    }
}

/// Records what is about to be signed, unless another one of its number, or a later one, was.
async fn record(
    disk: Arc<dyn QuarantineDisk>,
    change: OrderedChange,
    _signing: OwnedMutexGuard<()>,
) -> Result<(), SuccessionError> {
    let (number, hash) = (change.next.number, change.next.hash());
    if let Some(last) = last_file::read(&*disk)? {
        let (last_number, last_hash) = last.descriptor();
        if last_number > number {
            return Err(SuccessionError::Later(last_number));
        }
        if last_number == number && last_hash != hash {
            return Err(SuccessionError::Other { number });
        }
        // What was ordered by force stays so.
        let has_more = matches!(last, Last::Change(_)) && (last.is_forced() || !change.force);
        if last_number == number && has_more {
            return Ok(());
        }
    }
    let written = disk.replace(QuarantineFile::Succession, last_file::encode(&change));
    written.await.map_err(SuccessionError::NotWritten)
}

/// Number of the last next descriptor that the node of this folder has signed.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn last_signed(disk: &dyn QuarantineDisk) -> Result<Option<u64>, SuccessionError> {
    Ok(last_file::read(disk)?.map(|last| last.descriptor().0))
}
