//! Reads: linearizable, unless a caller asks for this node's own state by name.

use serde::Deserialize;
use tokio::time::Instant;

use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::StateView;

/// `?stale=true` reads this node's state as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freshness {
    #[serde(default)]
    pub stale: bool,
}

impl Api {
    /// Reads a view that has everything acknowledged before now, unless `stale`.
    pub(super) async fn read<T>(
        &self,
        stale: bool,
        look: impl FnOnce(&dyn StateView) -> T,
    ) -> Result<T, Fault> {
        if !stale {
            self.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
        }
        Ok(look(&*self.replica.view()))
    }
}
