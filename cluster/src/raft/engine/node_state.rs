//! Whether this node leads, and whether it stops.

use std::sync::atomic::{AtomicBool, Ordering};

use cameo_common::ids::NodeId;
use tokio::sync::watch;

use super::status::Leadership;

/// What every part of Raft at this node goes by.
pub(crate) struct NodeState {
    pub id: NodeId,
    pub leadership: watch::Receiver<Leadership>,
    stopping: AtomicBool,
}

impl NodeState {
    pub fn new(id: NodeId, leadership: watch::Receiver<Leadership>) -> Self {
        Self {
            id,
            leadership,
            stopping: AtomicBool::new(false),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// From now on the node stops. False when it did before.
    pub fn begin_to_stop(&self) -> bool {
        !self.stopping.swap(true, Ordering::AcqRel)
    }
}
