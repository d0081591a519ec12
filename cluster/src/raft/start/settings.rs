//! Settings and dependencies of Raft.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use tokio::runtime::Handle;

use super::StartError;
use crate::floor::FloorMark;
use crate::host::blocking::Blocking;
use crate::host::clock::WallClock;
use crate::host::disk_space::DiskSpace;
use crate::link::{ClusterSecret, NodeKeys, Transport};
use crate::raft::engine::config::{SNAPSHOT_AFTER_ENTRIES, Timing, openraft_config};
use crate::raft::genesis::GenesisTerms;
use crate::raft::ports::{
    AppService, AppliedDescriptors, AppliedTime, AppliedVersion, ReportSink, ReportSource, Stamp,
    WorkerGate, WorkerPass,
};
use crate::raft::quarantine::QuarantineDisk;

/// Settings of the operator.
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
    /// How this node enters its cluster.
    pub entrance: Entrance,
    /// All founding nodes and the addresses of their links, including this node; for a worker,
    /// itself and members through which it joins.
    pub peers: BTreeMap<NodeId, String>,
    /// Heartbeat and election timeouts.
    pub timing: Timing,
    /// Entries between snapshots.
    pub snapshot_after: u64,
    /// The operator's word, for this start, that no newer folder of this node has ever been: one
    /// that may be a copy gets the grace.
    pub folder_is_newest: bool,
}

impl Settings {
    /// Default timing and snapshots.
    pub fn new(
        id: NodeId,
        data: PathBuf,
        listen: String,
        http: String,
        peers: BTreeMap<NodeId, String>,
        entrance: Entrance,
    ) -> Self {
        Self {
            id,
            data,
            listen,
            http,
            entrance,
            peers,
            timing: Timing::default(),
            snapshot_after: SNAPSHOT_AFTER_ENTRIES,
            folder_is_newest: false,
        }
    }

    /// openraft's configuration, with these voters.
    pub(super) fn openraft_config(
        &self,
        voters: &BTreeSet<NodeId>,
    ) -> Result<Arc<openraft::Config>, StartError> {
        let config = openraft_config(self.timing, voters, self.id, self.snapshot_after);
        config.map_err(|error| StartError::Timing(error.to_string()))
    }
}

/// How a node enters its cluster.
#[derive(Debug, Clone)]
pub enum Entrance {
    /// It forms the cluster with the other founders, who have the same secret and terms.
    Found {
        secret: Arc<ClusterSecret>,
        terms: GenesisTerms,
    },
    /// It joins a running cluster as a worker, without a vote.
    Join(WorkerPass),
}

impl Entrance {
    /// Whether the node joins as a worker.
    pub fn is_worker(&self) -> bool {
        matches!(self, Self::Join(_))
    }

    pub(in crate::raft) fn secret(&self) -> Option<Arc<ClusterSecret>> {
        match self {
            Self::Found { secret, .. } => Some(secret.clone()),
            Self::Join(_) => None,
        }
    }

    pub(in crate::raft) fn terms(&self) -> Option<GenesisTerms> {
        match self {
            Self::Found { terms, .. } => Some(*terms),
            Self::Join(_) => None,
        }
    }
}

/// Parts of the node that Raft needs.
#[derive(Clone)]
pub struct RaftDeps {
    /// This node's keys.
    pub keys: Arc<NodeKeys>,
    /// TCP, or a simulated network.
    pub transport: Arc<dyn Transport>,
    /// This node's wall clock.
    pub wall: Arc<dyn WallClock>,
    /// Makes entries from commands.
    pub stamp: Arc<dyn Stamp>,
    /// The time of this node's state.
    pub applied_time: AppliedTime,
    /// The version of entries of this node's state.
    pub applied_version: AppliedVersion,
    /// The descriptors of this node's state.
    pub applied_descriptors: Arc<dyn AppliedDescriptors>,
    /// Judges the passes of workers, while this node leads.
    pub gate: Arc<dyn WorkerGate>,
    /// Source of this node's load report.
    pub report: Arc<dyn ReportSource>,
    /// Receiver of the other nodes' reports, while this node leads.
    pub sink: Arc<dyn ReportSink>,
    /// Service for requests of the layers above Raft.
    pub app: Arc<dyn AppService>,
    /// Runtime of `app`; never Raft's thread.
    pub app_runtime: Handle,
    /// Where files are written.
    pub blocking: Blocking,
    /// Random, of this process.
    pub incarnation: u64,
    /// Whether there is room on the disk of the data folder.
    pub space: Arc<DiskSpace>,
    /// How far this node's floors are.
    pub floor: FloorMark,
    /// Where it keeps what it remembers of its peers, and that it is quarantined.
    pub quarantine: Arc<dyn QuarantineDisk>,
    /// Runtime of Raft. `None` starts a thread of its own; the simulator passes its runtime.
    pub raft_runtime: Option<Handle>,
}

impl fmt::Debug for RaftDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RaftDeps(..)")
    }
}
