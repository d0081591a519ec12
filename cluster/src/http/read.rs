//! Reads: linearizable by default, or of this node's own state.

use serde::Deserialize;
use tokio::time::Instant;

use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::StateView;

/// `?stale=true` reads this node's state without a barrier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freshness {
    #[serde(default)]
    pub stale: bool,
}

impl Api {
    /// Reads a view that contains everything acknowledged before the call, unless `stale`.
    pub(super) async fn read<T>(
        &self,
        stale: bool,
        read: impl FnOnce(&dyn StateView) -> T,
    ) -> Result<T, Fault> {
        if !stale {
            self.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
        }
        Ok(read(&*self.replica.view()))
    }
}
