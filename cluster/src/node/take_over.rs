//! The leader's duty that a new cluster takes over the state of its predecessor, and the end of the
//! backup in the folder of each node.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::predecessor::Piece;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::backup::{BackupFileError, KeptBackup};
use crate::host::blocking::Blocking;
use crate::raft::{CALL_DEADLINE, Replica};
use cameo_machine::{Caller, Command, Op, Refusal, RestoreStage, read};

/// Interval of the checks whether the state is taken over, unless an entry is applied first.
const STATE_CHECK: Duration = Duration::from_millis(250);

/// Proposes the pieces of the kept backup, in order.
#[derive(Debug)]
pub struct TakeOverDuty {
    node: NodeId,
    kept: Option<Arc<KeptBackup>>,
    blocking: Blocking,
    /// The term in which the state has refused a piece of this node's: it would refuse it again.
    refused_in: Mutex<Option<u64>>,
}

impl TakeOverDuty {
    /// Of a node with this backup.
    #[must_use]
    pub fn new(node: NodeId, kept: Option<Arc<KeptBackup>>, blocking: Blocking) -> Self {
        Self {
            node,
            kept,
            blocking,
            refused_in: Mutex::default(),
        }
    }

    /// One attempt: up to the last piece, unless one is not carried out. The caller tries again.
    pub(super) async fn run(&self, replica: &dyn Replica) {
        let Some(next) = next_piece(replica) else {
            return;
        };
        let term = replica.leadership().borrow().term;
        if *self.refused_in.lock() == Some(term) {
            return;
        }
        let Some(kept) = self.kept.clone() else {
            tracing::warn!(
                "this node leads, and has not the backup that the cluster begins from: another \
                 one has to lead"
            );
            return replica.have_next_lead().await;
        };
        let begun = self.blocking.run(move || kept.pieces_from(next)).await;
        let mut pieces = match begun {
            Ok(Ok(pieces)) => pieces,
            Ok(Err(error)) => return unread(replica, &error).await,
            Err(_ended) => return,
        };
        loop {
            let read = move || {
                let piece = pieces.next_piece();
                (pieces, piece)
            };
            let piece;
            (pieces, piece) = match self.blocking.run(read).await {
                Ok(read) => read,
                Err(_ended) => return,
            };
            match piece {
                Ok(Some(piece)) => {
                    if !self.propose(replica, piece, term).await {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => return unread(replica, &error).await,
            }
        }
    }

    /// Whether the piece was carried out.
    async fn propose(&self, replica: &dyn Replica, piece: Piece, term: u64) -> bool {
        let (number, is_last) = (piece.number, piece.next.is_none());
        let command = Command {
            caller: Caller::Node(self.node),
            op: Op::TakeOver(piece),
        };
        let deadline = Instant::now() + CALL_DEADLINE;
        match replica.propose(&command, deadline).await {
            Ok(committed) => match committed.reply {
                Ok(_) => {
                    if is_last {
                        tracing::info!(pieces = number + 1, "took over the predecessor's state");
                    }
                    true
                }
                // Another leader has proposed some.
                Err(Refusal::OtherPiece { next }) if next != Some(number) => false,
                Err(refusal) => {
                    tracing::error!(number, %refusal, "a piece was not taken over, and is not \
                        proposed again while this node leads");
                    *self.refused_in.lock() = Some(term);
                    false
                }
            },
            Err(error) => {
                tracing::warn!(number, %error, "cannot propose a piece yet; trying again");
                false
            }
        }
    }
}

async fn unread(replica: &dyn Replica, error: &BackupFileError) {
    tracing::error!(%error, "the backup that the cluster begins from cannot be read any more: \
        another node has to lead");
    replica.have_next_lead().await;
}

/// Number of the piece that the state needs next.
fn next_piece(replica: &dyn Replica) -> Option<u64> {
    match read::restore(&*replica.view())?.stage {
        RestoreStage::Pieces { next, .. } => Some(next),
        RestoreStage::NotApproved | RestoreStage::Done => None,
    }
}

/// Removes the backup once this node's state has all of it.
pub(super) async fn forget(kept: Option<Arc<KeptBackup>>, replica: Arc<dyn Replica>) {
    let Some(kept) = kept else {
        return;
    };
    let mut applied = replica.applied();
    let is_done = |replica: &dyn Replica| {
        let restore = read::restore(&*replica.view());
        restore.is_some_and(|restore| restore.stage == RestoreStage::Done)
    };
    while !is_done(&*replica) {
        let woken = tokio::time::timeout(STATE_CHECK, applied.changed()).await;
        if let Ok(Err(_ended)) = woken {
            return;
        }
    }
    kept.remove();
}
