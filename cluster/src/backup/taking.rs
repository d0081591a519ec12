//! Taking of a backup, at the node that is asked for it.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use cameo_machine::{Refusal, read};
use futures_util::future::join_all;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::{Instant, timeout};

use super::captures::{CAPTURES_AN_ORDER, Captures};
use crate::host::disk_space::LowDiskSpace;
use crate::node_rpc::{NodeAnswer, NodeCall, ask_node};
use crate::raft::{CALL_DEADLINE, ReadError, Replica};
use crate::store::OpenSnapshot;

/// How far ahead of the applied index the state is captured, attempt by attempt. An idle cluster is
/// at one index, and has the first; a busy one comes to a later index soon, with all nodes.
const AHEAD: [u64; CAPTURES_AN_ORDER as usize] = [0, 64, 0, 1024, 0, 8192];
/// Time for the voters to come to the index and to capture, and again to sign what this node has
/// written.
const SIGNED_WITHIN: Duration = Duration::from_secs(4);
/// Time for this node to write a snapshot: a long one of a large state.
const WRITTEN_WITHIN: Duration = Duration::from_secs(600);
/// Time limit of one question to a voter.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Why there is no snapshot for a backup.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("this node has a backup on its way already: try again later, or ask another node")]
    Busy,
    #[error("this node has no snapshots to send: ask another node")]
    NoSnapshots,
    #[error(
        "too few voters have signed one state in time: try again when more of them run, when those \
         that are low on disk space have room (`cameod status` names them), or when less is written"
    )]
    NotSigned,
    #[error("{0}. Until then it takes no snapshot for a backup: ask another node")]
    NoRoom(#[from] LowDiskSpace),
    /// What a new cluster could begin from is the backup that this one begins from.
    #[error("{0}. Until then there is no backup of it: keep the one that it begins from")]
    Restoring(Refusal),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the snapshot cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Takes backups, one at a time.
#[derive(Debug)]
pub struct Taking {
    node: NodeId,
    replica: Arc<dyn Replica>,
    captures: Arc<Captures>,
    turn: Arc<Mutex<()>>,
}

impl Taking {
    /// Backups at this node.
    #[must_use]
    pub fn new(node: NodeId, replica: Arc<dyn Replica>, captures: Arc<Captures>) -> Self {
        Self {
            node,
            replica,
            captures,
            turn: Arc::default(),
        }
    }

    /// A certified snapshot that has everything that was acknowledged before the call. Keep the
    /// guard while it is sent.
    ///
    /// # Errors
    /// See [`TakeError`].
    pub async fn take(
        &self,
        order: &Signed<BackupOrder>,
    ) -> Result<(OpenSnapshot, OwnedMutexGuard<()>), TakeError> {
        let turn = self.turn.clone().try_lock_owned();
        let turn = turn.map_err(|_| TakeError::Busy)?;
        let snapshots = self.captures.snapshots.as_ref();
        let snapshots = snapshots.ok_or(TakeError::NoSnapshots)?;
        // A snapshot that is there already may be older than what was acknowledged.
        snapshots.admit()?;
        let needed = self.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
        if let Some(refusal) = read::restoring(&*self.replica.view()) {
            return Err(TakeError::Restoring(refusal));
        }
        let mut certified = snapshots.certified();
        for ahead in AHEAD {
            let index = self.replica.status().applied.max(needed) + ahead;
            if self.capture_everywhere(order, index).await {
                let _late = timeout(SIGNED_WITHIN, reached(&mut certified, needed)).await;
                if snapshots.writing().borrow().is_some() {
                    let written = timeout(WRITTEN_WITHIN, written(snapshots.writing()));
                    let _late = written.await;
                    let _late = timeout(SIGNED_WITHIN, reached(&mut certified, needed)).await;
                }
            }
            let newest = *certified.borrow();
            if is_reached(newest, needed)
                && let Some(snapshot) = snapshots.open().await?
            {
                return Ok((snapshot, turn));
            }
        }
        Err(TakeError::NotSigned)
    }

    /// Whether a majority may still capture the state at this index.
    async fn capture_everywhere(&self, order: &Signed<BackupOrder>, index: u64) -> bool {
        let voters = self.replica.status().voters;
        let asked = voters
            .keys()
            .map(|voter| self.capture_at(*voter, order, index));
        let answers = join_all(asked).await;
        let reached = answers
            .iter()
            .flatten()
            .filter(|applied| **applied <= index);
        2 * reached.count() > voters.len()
    }

    async fn capture_at(
        &self,
        voter: NodeId,
        order: &Signed<BackupOrder>,
        index: u64,
    ) -> Option<u64> {
        if voter == self.node {
            return self.captures.capture(order, index);
        }
        let call = NodeCall::Capture {
            order: order.clone(),
            index,
        };
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        match ask_node(&*self.replica, voter, &call, deadline).await {
            Some(NodeAnswer::Captured { applied }) => applied,
            _ => None,
        }
    }
}

fn is_reached(certified: Option<u64>, needed: u64) -> bool {
    certified.is_some_and(|index| index >= needed)
}

async fn written(mut writing: watch::Receiver<Option<u64>>) {
    let _gone = writing.wait_for(Option::is_none).await.is_err();
}

async fn reached(certified: &mut watch::Receiver<Option<u64>>, needed: u64) {
    // The sender lives as long as the store.
    let _gone = certified
        .wait_for(|index| is_reached(*index, needed))
        .await
        .is_err();
}
