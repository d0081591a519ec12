//! Writes: a command becomes an entry, and what came out of it an answer.

use cameo_common::api::ErrorCode;
use tokio::time::Instant;

use super::{Api, Caller, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Done, Op};

impl Api {
    /// Has a caller's command carried out. Gives the entry's index and what was done.
    pub(super) async fn write(&self, caller: &Caller, op: Op) -> Result<(u64, Done), Fault> {
        let deadline = Instant::now() + CALL_DEADLINE;
        let committed = self.replica.propose(&caller.command(op), deadline).await?;
        Ok((committed.index, committed.reply?))
    }
}

/// The machine answered one op with what another one does: a mistake of ours.
pub(super) fn unexpected(done: &Done) -> Fault {
    tracing::error!(?done, "the machine's answer is not one of this command's");
    Fault::new(ErrorCode::Internal, "the node failed: its log says why")
}
