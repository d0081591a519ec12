//! The cluster as a worker's checks of tickets see it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cameo_common::ids::{ClusterId, Millis};
use cameo_common::keys::PublicKey;

use crate::host::clock::WallClock;
use crate::jobs::ClusterInfo;
use crate::raft::Raft;

/// The worker's knowledge of the cluster: the term from Raft, the keys from the newest descriptor.
pub struct WorkerTrust {
    clock: Arc<dyn WallClock>,
    formed: OnceLock<(Raft, ClusterId)>,
}

impl WorkerTrust {
    /// For a node that has no cluster yet.
    pub fn new(clock: Arc<dyn WallClock>) -> Self {
        Self {
            clock,
            formed: OnceLock::new(),
        }
    }

    /// Sets the cluster, once it has formed.
    pub fn set_cluster(&self, raft: Raft, cluster: ClusterId) {
        // Set once: a node starts once.
        let _again = self.formed.set((raft, cluster));
    }
}

impl ClusterInfo for WorkerTrust {
    fn cluster(&self) -> Option<ClusterId> {
        self.formed.get().map(|(_, cluster)| *cluster)
    }

    fn term(&self) -> u64 {
        self.formed.get().map_or(0, |(raft, _)| raft.status().term)
    }

    fn is_node_key(&self, key: &PublicKey) -> bool {
        self.formed
            .get()
            .is_some_and(|(raft, _)| raft.is_node_key(key))
    }

    fn unix_millis(&self) -> Millis {
        self.clock.unix_millis()
    }
}

impl fmt::Debug for WorkerTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerTrust(formed: {})", self.formed.get().is_some())
    }
}
