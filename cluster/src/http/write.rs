//! Writes: proposal of a command, and its result.

use cameo_common::api::ErrorCode;
use tokio::time::Instant;

use super::auth::check_signature;
use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Command, Done, Refusal, early_refusal};

impl Api {
    /// Proposes a command, and returns its result. What the state refuses already to a caller
    /// without authority is not written to the log. A wrong signature that was left to the replicas
    /// gets the answer that it would get here.
    pub(super) async fn write(&self, command: &Command) -> Result<Done, Fault> {
        let result = self.propose(command).await;
        if result.is_err() {
            check_signature(self, command)?;
        }
        result
    }

    async fn propose(&self, command: &Command) -> Result<Done, Fault> {
        let deadline = Instant::now() + CALL_DEADLINE;
        if self.early_refusal(command).is_some() {
            // This node may be behind.
            self.replica.barrier(deadline).await?;
            if let Some(refusal) = self.early_refusal(command) {
                return Err(refusal.into());
            }
        }
        let committed = self.replica.propose(command, deadline).await?;
        Ok(committed.reply?)
    }

    fn early_refusal(&self, command: &Command) -> Option<Refusal> {
        let (view, now) = (self.replica.view(), self.clock.unix_millis());
        early_refusal(&*self.signatures, &*view, command, now)
    }
}

/// The error for a result that belongs to another op, which is a bug.
pub(super) fn unexpected(done: &Done) -> Fault {
    tracing::error!(?done, "the result does not belong to the command");
    Fault::new(
        ErrorCode::Internal,
        "the command was carried out, but its result is not as expected: see the node's log",
    )
}
