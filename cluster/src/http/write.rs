//! Writes: proposal of a caller's command, and its result.

use cameo_common::api::ErrorCode;
use tokio::time::Instant;

use super::{Api, Caller, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Done, Op};

impl Api {
    /// Proposes a caller's command. Returns the entry's log index and its result.
    pub(super) async fn write(&self, caller: &Caller, op: Op) -> Result<(u64, Done), Fault> {
        let deadline = Instant::now() + CALL_DEADLINE;
        let committed = self.replica.propose(&caller.command(op), deadline).await?;
        Ok((committed.index, committed.reply?))
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
