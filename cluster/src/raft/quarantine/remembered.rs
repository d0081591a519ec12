//! Memory of the other voters: how far each had come, in its own signed words.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::ids::NodeId;
use cameo_common::signed::Signed;
use cameo_common::statements::NodeProgress;
use parking_lot::Mutex;

use super::disk::{QuarantineDisk, QuarantineFile};
use super::envelope::{self, EnvelopeError};

const MAGIC: &[u8; 8] = b"cameopee";
const VERSION: u8 = 1;

pub(crate) type Statements = BTreeMap<NodeId, Signed<NodeProgress>>;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    #[error("cannot read DATA/peers: {0}. Check the disk")]
    Io(#[from] io::Error),
    #[error("DATA/peers has version {0}, which this build does not read: update cameod")]
    UnknownVersion(u8),
    #[error("DATA/peers is damaged")]
    Damaged,
}

/// The highest progress that each voter has told: one statement a voter.
pub(crate) struct Remembered {
    disk: Arc<dyn QuarantineDisk>,
    kept: Mutex<Kept>,
    /// One write at a time, so that the file has the newest bytes.
    storing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    statements: Statements,
    changed: bool,
}

impl Remembered {
    /// Reads the file. Without one nothing is remembered. A damaged one is an error in the log, and
    /// does not stop the node: what it forgets protects others, as long as no other voter
    /// remembers.
    ///
    /// # Errors
    /// When it cannot be read, or has another version.
    pub fn load(disk: Arc<dyn QuarantineDisk>) -> Result<Self, PeersError> {
        let statements = match read(&*disk) {
            Ok(statements) => statements.unwrap_or_default(),
            Err(error @ PeersError::Damaged) => {
                tracing::error!(%error, "what this node remembers of its peers begins anew");
                Statements::new()
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            disk,
            kept: Mutex::new(Kept {
                statements,
                changed: false,
            }),
            storing: tokio::sync::Mutex::default(),
        })
    }

    /// What a voter had told.
    pub fn of(&self, node: NodeId) -> Option<Signed<NodeProgress>> {
        self.kept.lock().statements.get(&node).cloned()
    }

    /// Keeps a verified statement if it is above what is remembered.
    ///
    /// # Errors
    /// When the voter has begun below what it had told before. That is kept then, so that the voter
    /// is shown it whenever it asks, however far it comes meanwhile.
    pub fn keep(
        &self,
        node: NodeId,
        signed: Signed<NodeProgress>,
        progress: &NodeProgress,
    ) -> Result<(), &'static str> {
        let mut kept = self.kept.lock();
        let before = kept.statements.get(&node);
        let before = before.and_then(|before| before.unverified().ok());
        // Those of an earlier cluster, or of a replaced key, say nothing.
        let before = before
            .filter(|before| before.cluster == progress.cluster && before.node == progress.node);
        if let Some(before) = before {
            let is_new = before.incarnation != progress.incarnation;
            if is_new && let Some(what) = progress.found.below(&before.reached) {
                return Err(what);
            }
            // Overtaken, or its log has not caught up with what it knows to be committed.
            let is_overtaken = progress.reached.below(&before.reached).is_some();
            if is_overtaken || before == *progress {
                return Ok(());
            }
        }
        kept.statements.insert(node, signed);
        kept.changed = true;
        Ok(())
    }

    /// Number of the last floor record that each voter had told.
    pub fn floors(&self) -> BTreeMap<NodeId, u64> {
        let kept = self.kept.lock();
        let told = kept.statements.iter();
        told.filter_map(|(node, told)| Some((*node, told.unverified().ok()?.reached.floor)))
            .collect()
    }

    /// Forgets voters that have left, when there are more than a cluster has: else the file would
    /// be longer than one that is read.
    pub fn forget_all_but(&self, voters: &BTreeSet<NodeId>) {
        let mut kept = self.kept.lock();
        if kept.statements.len() > MAX_NODES {
            kept.statements.retain(|node, _| voters.contains(node));
            kept.changed = true;
        }
    }

    /// Writes the file if something has changed.
    ///
    /// # Errors
    /// When it cannot be written. The next call tries it again.
    pub async fn store(&self) -> io::Result<()> {
        let _storing = self.storing.lock().await;
        let bytes = {
            let mut kept = self.kept.lock();
            if !std::mem::take(&mut kept.changed) {
                return Ok(());
            }
            encode(&kept.statements)
        };
        let written = self.disk.replace(QuarantineFile::Peers, bytes).await;
        if written.is_err() {
            self.kept.lock().changed = true;
        }
        written
    }
}

/// What is remembered; None where there is no file.
pub(crate) fn read(disk: &dyn QuarantineDisk) -> Result<Option<Statements>, PeersError> {
    let bytes = disk.read(QuarantineFile::Peers)?;
    bytes.as_deref().map(decode).transpose()
}

fn encode(statements: &Statements) -> Vec<u8> {
    envelope::encode(MAGIC, VERSION, statements)
}

fn decode(bytes: &[u8]) -> Result<Statements, PeersError> {
    match envelope::decode::<Statements>(MAGIC, VERSION, bytes) {
        Ok(read) if read.len() <= MAX_NODES => Ok(read),
        Ok(_) | Err(EnvelopeError::Damaged) => Err(PeersError::Damaged),
        Err(EnvelopeError::UnknownVersion(version)) => Err(PeersError::UnknownVersion(version)),
    }
}

#[cfg(test)]
mod tests;
