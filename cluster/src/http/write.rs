//! Writes: proposal of a command, and its result.

use cameo_common::api::ErrorCode;
use tokio::time::Instant;

use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Command, Done};

impl Api {
    /// Proposes a command, and returns its result.
    pub(super) async fn write(&self, command: &Command) -> Result<Done, Fault> {
        let deadline = Instant::now() + CALL_DEADLINE;
        let committed = self.replica.propose(command, deadline).await?;
        Ok(committed.reply?)
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
