//! Keep-alives of the sessions that this node serves, on their way to the leader in batches.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::keys::PublicKey;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::node_rpc::{CallError, NodeAnswer, NodeCall, NodeRpc};

/// How long the first keep-alive of a batch waits for company.
const GATHER: Duration = Duration::from_millis(20);
/// Most keep-alives in a batch.
pub(super) const MAX_BATCH: usize = 512;
/// Keep-alives that may wait; more are refused, and come again.
const MAX_WAITING: usize = 4 * MAX_BATCH;
/// How long a batch has for its answer.
const RENEW_DEADLINE: Duration = Duration::from_secs(3);

/// No leader took the keep-alive: send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no leader takes the keep-alive: send it again")]
pub struct RenewError;

struct Waiting {
    sign: (PublicKey, u64),
    runs: oneshot::Sender<bool>,
}

/// The way in; clones share it.
#[derive(Debug, Clone)]
pub struct Renewals {
    waiting: mpsc::Sender<Waiting>,
}

impl Renewals {
    /// The way in, and the work that has to be polled for it to lead anywhere.
    pub fn new(rpc: Arc<NodeRpc>) -> (Self, impl Future<Output = ()> + Send) {
        let (waiting, queue) = mpsc::channel(MAX_WAITING);
        (Self { waiting }, carry(rpc, queue))
    }

    /// A sign of life. Tells whether the session still runs.
    ///
    /// # Errors
    /// When no leader took it in time.
    pub async fn renew(&self, device: PublicKey, epoch: u64) -> Result<bool, RenewError> {
        let (runs, answer) = oneshot::channel();
        let sign = (device, epoch);
        self.waiting
            .try_send(Waiting { sign, runs })
            .map_err(|_| RenewError)?;
        answer.await.map_err(|_| RenewError)
    }
}

async fn carry(rpc: Arc<NodeRpc>, mut queue: mpsc::Receiver<Waiting>) {
    while let Some(first) = queue.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let signs = batch.iter().map(|waiting| waiting.sign).collect();
        match renew(&rpc, signs).await {
            Ok(runs) => {
                for (waiting, runs) in batch.into_iter().zip(runs) {
                    // Whoever asked may have gone.
                    let _gone = waiting.runs.send(runs);
                }
            }
            Err(error) => tracing::debug!(%error, "the leader took no keep-alives"),
        }
    }
}

async fn renew(rpc: &NodeRpc, signs: Vec<(PublicKey, u64)>) -> Result<Vec<bool>, CallError> {
    let deadline = Instant::now() + RENEW_DEADLINE;
    match rpc.ask_leader(NodeCall::Renew(signs), deadline).await? {
        NodeAnswer::Renewed(runs) => Ok(runs),
        _ => Err(CallError::Misunderstood),
    }
}
