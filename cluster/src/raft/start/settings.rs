//! What Raft is started with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use tokio::runtime::Handle;

use crate::host::clock::WallClock;
use crate::link::{ClusterSecret, NodeKeys, Transport};
use crate::raft::engine::config::{SNAPSHOT_AFTER_ENTRIES, Timing};
use crate::raft::ports::{AppService, ReportSink, ReportSource, Stamp};

/// What the operator says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's Raft id.
    pub id: NodeId,
    /// The data directory; it exists.
    pub data: PathBuf,
    /// `host:port` to listen on for node links.
    pub listen: String,
    /// Base URL of this node's HTTP API, as clients reach it.
    pub http: String,
    /// Joins a running cluster as a worker, without a vote, in place of founding one.
    pub worker: bool,
    /// All founding nodes and where their links listen, this node among them; for a worker, itself and
    /// members that let it in.
    pub peers: BTreeMap<NodeId, String>,
    /// Heartbeat and election timeouts.
    pub timing: Timing,
    /// Entries between snapshots.
    pub snapshot_after: u64,
}

impl Settings {
    /// Default timing and snapshots.
    pub fn new(
        id: NodeId,
        data: PathBuf,
        listen: String,
        http: String,
        peers: BTreeMap<NodeId, String>,
    ) -> Self {
        Self {
            id,
            data,
            listen,
            http,
            worker: false,
            peers,
            timing: Timing::default(),
            snapshot_after: SNAPSHOT_AFTER_ENTRIES,
        }
    }
}

/// What the rest of the node lends to Raft.
#[derive(Clone)]
pub struct RaftDeps {
    /// This node's keys.
    pub keys: Arc<NodeKeys>,
    /// The cluster's secret.
    pub secret: Arc<ClusterSecret>,
    /// TCP, or a simulated network.
    pub transport: Arc<dyn Transport>,
    /// This node's wall clock.
    pub wall: Arc<dyn WallClock>,
    /// Makes entries out of commands.
    pub stamp: Arc<dyn Stamp>,
    /// This node's load.
    pub report: Arc<dyn ReportSource>,
    /// Takes the others' load, while this node leads.
    pub sink: Arc<dyn ReportSink>,
    /// The node's own requests.
    pub app: Arc<dyn AppService>,
    /// Where `app` runs; never Raft's thread.
    pub app_runtime: Handle,
    /// Where Raft runs; `None` gives it a thread of its own. The simulator gives its own.
    pub raft_runtime: Option<Handle>,
}

impl fmt::Debug for RaftDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RaftDeps(..)")
    }
}
