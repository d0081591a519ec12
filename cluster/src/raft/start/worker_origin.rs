//! The origin of a worker's folder, by which it starts when it is promoted.
//!
//! A worker promises nothing, and so its folder need not be its newest. One that was a voter since
//! may be put back from its time as a worker, though, and is promoted again by what it applies. So
//! only a folder that is new, or that was not copied since, is known as the original.

use std::sync::Arc;

use super::role::StartsAs;
use crate::raft::quarantine::{Origin, QuarantineDisk};

/// Has the folder of a worker told from its copies from now on, if it is no copy itself.
pub(super) async fn renew(role: StartsAs, started_empty: bool, disk: Arc<dyn QuarantineDisk>) {
    let is_original = started_empty || matches!(disk.origin(), Ok(Origin::Original));
    if role != StartsAs::Worker || !is_original {
        return;
    }
    if let Err(error) = disk.renew_origin().await {
        tracing::warn!(
            %error,
            "DATA/origin is not written: should this worker be promoted, it waits for all voters \
             that may remember it"
        );
    }
}
