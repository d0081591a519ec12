//! Forwarding of keep-alives to the leader, in batches.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::keys::PublicKey;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::node_rpc::{CallError, NodeAnswer, NodeCall, NodeRpc};

/// How long the first keep-alive of a batch waits for others.
pub const BATCH_DELAY: Duration = Duration::from_millis(20);
/// Most keep-alives in a batch.
pub const MAX_BATCH: usize = 512;
/// Most keep-alives in the queue. Further ones are refused, and clients repeat them.
const MAX_PENDING: usize = 4 * MAX_BATCH;
/// For the leader's answer to a batch.
const RENEW_DEADLINE: Duration = Duration::from_secs(3);

/// No leader accepted the keep-alive in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no leader accepted the keep-alive: send it again")]
pub struct RenewError;

struct Pending {
    session: (PublicKey, u64),
    runs: oneshot::Sender<bool>,
}

/// A handle to the queue of keep-alives; clones share it.
#[derive(Debug, Clone)]
pub struct Renewals {
    waiting: mpsc::Sender<Pending>,
}

impl Renewals {
    /// A handle, and the forwarding task, which the caller has to poll.
    pub fn new(rpc: Arc<NodeRpc>) -> (Self, impl Future<Output = ()> + Send) {
        let (waiting, queue) = mpsc::channel(MAX_PENDING);
        (Self { waiting }, forward_batches(rpc, queue))
    }

    /// Renews a session's lease. Returns whether the session still runs.
    ///
    /// # Errors
    /// When no leader accepted it in time.
    pub async fn renew(&self, device: PublicKey, epoch: u64) -> Result<bool, RenewError> {
        let (runs, answer) = oneshot::channel();
        let session = (device, epoch);
        self.waiting
            .try_send(Pending { session, runs })
            .map_err(|_| RenewError)?;
        answer.await.map_err(|_| RenewError)
    }
}

async fn forward_batches(rpc: Arc<NodeRpc>, mut queue: mpsc::Receiver<Pending>) {
    while let Some(first) = queue.recv().await {
        tokio::time::sleep(BATCH_DELAY).await;
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let sessions = batch.iter().map(|waiting| waiting.session).collect();
        match renew(&rpc, sessions).await {
            Ok(runs) => {
                for (waiting, runs) in batch.into_iter().zip(runs) {
                    // The caller may have been cancelled.
                    let _cancelled = waiting.runs.send(runs);
                }
            }
            Err(error) => tracing::debug!(%error, "keep-alives were not accepted"),
        }
    }
}

async fn renew(rpc: &NodeRpc, sessions: Vec<(PublicKey, u64)>) -> Result<Vec<bool>, CallError> {
    let deadline = Instant::now() + RENEW_DEADLINE;
    match rpc.ask_leader(NodeCall::Renew(sessions), deadline).await? {
        NodeAnswer::Renewed(runs) => Ok(runs),
        _ => Err(CallError::Misunderstood),
    }
}
