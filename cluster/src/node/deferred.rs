//! Deferred handles: interfaces that Raft and the worker need before the parts behind them exist.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::host::clock::WallClock;
use crate::jobs::{ClusterInfo, Dispatcher, Reporter};
use crate::node_rpc::NodeRpc;
use crate::raft::{AppService, Raft, ReportSink, ReportSource};

/// The worker's knowledge of the cluster: the term from Raft, the keys from the descriptor.
pub struct WorkerTrust {
    clock: Arc<dyn WallClock>,
    formed: OnceLock<(Raft, ClusterId, Descriptor)>,
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
    pub fn formed(&self, raft: Raft, cluster: ClusterId, descriptor: Descriptor) {
        // Set once: a node starts once.
        let _again = self.formed.set((raft, cluster, descriptor));
    }
}

impl ClusterInfo for WorkerTrust {
    fn cluster(&self) -> Option<ClusterId> {
        self.formed.get().map(|(_, cluster, _)| *cluster)
    }

    fn term(&self) -> u64 {
        self.formed
            .get()
            .map_or(0, |(raft, _, _)| raft.status().term)
    }

    fn is_node_key(&self, key: &PublicKey) -> bool {
        self.formed
            .get()
            .is_some_and(|(_, _, descriptor)| descriptor.nodes.iter().any(|node| node.key == *key))
    }

    fn unix_millis(&self) -> Millis {
        self.clock.unix_millis()
    }
}

/// Serves calls of other nodes, once the node is ready; until then it answers "not ready".
#[derive(Default)]
pub struct DeferredRpc(OnceLock<Arc<NodeRpc>>);

impl DeferredRpc {
    /// Begins to serve calls.
    pub fn begin(&self, rpc: Arc<NodeRpc>) {
        // Set once: a node starts once.
        let _again = self.0.set(rpc);
    }
}

impl AppService for DeferredRpc {
    fn serve(&self, _from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        let rpc = self.0.get().cloned();
        Box::pin(async move {
            match rpc {
                Some(rpc) => rpc.serve(&body).await,
                None => NodeRpc::not_ready(),
            }
        })
    }
}

impl ReportSource for Reporter {
    fn report(&self) -> Vec<u8> {
        Reporter::report(self)
    }
}

/// Passes the other nodes' load reports to the dispatcher.
pub struct Reports(pub Arc<Dispatcher>);

impl ReportSink for Reports {
    fn received(&self, from: NodeId, report: &[u8], _clock: Millis, at: Instant) {
        self.0.received(from, report, at);
    }
}

impl fmt::Debug for WorkerTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerTrust(formed: {})", self.formed.get().is_some())
    }
}

impl fmt::Debug for DeferredRpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeferredRpc(ready: {})", self.0.get().is_some())
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports")
    }
}
