//! Reads of a restore.

use cameo_common::ids::GrantId;
use cameo_common::predecessor::Predecessor;

use crate::command::Refusal;
use crate::rows::{self, Restore, RestoreStage, TakenOver};
use crate::state_view::StateView;

/// A restore, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreStatus {
    pub predecessor: Predecessor,
    pub stage: RestoreStage,
}

/// The restore that the cluster has begun with; None of one that began empty.
#[must_use]
pub fn restore(view: &dyn StateView) -> Option<RestoreStatus> {
    let Restore { predecessor, stage } = rows::get(view, &())?;
    Some(RestoreStatus { predecessor, stage })
}

/// What a cluster that begins from a backup waits for; None once it serves.
#[must_use]
pub fn restoring(view: &dyn StateView) -> Option<Refusal> {
    crate::restore::pending(view)
}

/// Whether a grant was taken over, and its owner has not opened it again.
#[must_use]
pub fn is_closed(view: &dyn StateView, id: &GrantId) -> bool {
    crate::restore::is_closed(view, id)
}

/// Whether a grant was taken over, so that its manifest names an earlier cluster.
#[must_use]
pub fn is_taken_over_grant(view: &dyn StateView, id: &GrantId) -> bool {
    rows::get::<TakenOver>(view, id).is_some()
}
