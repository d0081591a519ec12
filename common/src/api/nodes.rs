//! Public information about a node and its cluster.

use serde::{Deserialize, Serialize};

use crate::descriptor_chain::Descriptors;
use crate::ids::{ClusterId, Hash, Millis, NodeId};
use crate::keys::PublicKey;
use crate::signed::Signed;
use crate::statements::{NodeAddress, NodeKeysStatement};

/// `GET /v1/cluster`: the cluster's identity. The client checks it against the id that it pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    pub schema: u32,
    pub cluster: ClusterId,
    /// What proves the cluster, and which nodes it has.
    pub descriptors: Descriptors,
    /// Where this node serves, by its own word.
    pub address: Signed<NodeAddress>,
    /// Base URLs of the voters' APIs, as this node knows them: hints, which prove nothing.
    pub nodes: Vec<(NodeId, String)>,
    /// This node's clock.
    pub now: Millis,
}

/// `GET /v1/identity`: the keys of a node, also of a worker, and those of all members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityInfo {
    pub schema: u32,
    pub identity: Signed<NodeKeysStatement>,
    /// The key of each member, as this node knows it: a worker's as the cluster has admitted it.
    pub members: Vec<(NodeId, PublicKey)>,
}

/// A worker's load, from the last report that the leader received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadInfo {
    /// CPU share of the quota, 0 to 1.
    pub cpu_share: f64,
    pub quota_millicores: u32,
    pub usable_millicores: u32,
    pub running: u32,
    /// Jobs with complete input that do not run yet.
    pub queued: u32,
    /// CPU time of the running and the queued jobs.
    pub backlog_cpu_ms: u64,
    /// Jobs whose input is being uploaded.
    #[serde(default)]
    pub incoming: u32,
    pub draining: bool,
    /// Accepts no more now.
    #[serde(default)]
    pub full: bool,
    /// Age of the report.
    pub age_ms: u64,
}

/// One member of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberInfo {
    pub id: NodeId,
    pub url: String,
    pub voter: bool,
    /// Only in answers of the leader.
    pub load: Option<LoadInfo>,
}

/// Memory of a node's jobs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobMemory {
    /// Inputs of accepted jobs.
    pub inputs: u64,
    pub inputs_limit: u64,
    /// Pictures of running jobs, and carriers that are not downloaded yet.
    pub pictures: u64,
    pub pictures_limit: u64,
}

/// Space on the disk of a node's data folder, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskInfo {
    /// What the node may still write; None where the file system does not say.
    pub free: Option<u64>,
    /// Of the whole file system; None where it does not say.
    pub size: Option<u64>,
    /// Free bytes below which the node takes no new entries.
    pub reserve: u64,
    /// The node takes no new entries; the other voters go on without it.
    pub low: bool,
}

/// Answers for which a node waits before it takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsForVoters {
    /// Those that have not said yet what they remember of the node.
    pub voters: Vec<NodeId>,
    /// How many of them have to.
    pub answers_missing: u64,
    /// The node's folder may be an older copy, so that it goes on to wait.
    pub may_be_copy: bool,
}

/// `GET /v1/status`: from this node's own state, without calls to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    pub schema: u32,
    pub node: NodeId,
    pub cluster: Option<ClusterId>,
    pub leader: Option<NodeId>,
    pub term: u64,
    pub committed: u64,
    pub applied: u64,
    pub members: Vec<MemberInfo>,
    /// Jobs that this node has finished since it started.
    pub jobs_finished: u64,
    #[serde(default)]
    pub job_memory: JobMemory,
    /// The node has come back with an older copy of its folder, and takes no part.
    #[serde(default)]
    pub quarantined: bool,
    /// The node takes no part yet.
    #[serde(default)]
    pub waits: Option<WaitsForVoters>,
    /// Of the node's program; empty from an older one.
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub disk: DiskInfo,
    /// The newest version of entries that the log has had at this node.
    #[serde(default)]
    pub entry_version: u16,
    /// The newest one that the node's program reads.
    #[serde(default)]
    pub newest_entry_version: u16,
}

/// `GET /health`: whether the node works, with 200, or has to be restarted, with 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeHealth {
    pub schema: u32,
    pub node: NodeId,
    pub healthy: bool,
    /// The part that has failed for good, and why.
    pub failure: Option<String>,
}

/// `GET /ready`: whether the node serves its cluster, with 200, or not now, with 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReadiness {
    pub schema: u32,
    pub node: NodeId,
    pub ready: bool,
    /// All that is in the way; empty where `ready`.
    pub reasons: Vec<NotReady>,
}

/// One reason for which a node is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotReady {
    pub code: NotReadyCode,
    /// For people.
    pub message: String,
}

/// The kind of a reason, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReadyCode {
    /// A part of the node has failed for good.
    Failed,
    Stopping,
    /// It is part of no cluster yet, or its state has not begun.
    NotFormed,
    /// It has come back with an older copy of its folder.
    Quarantined,
    /// Other voters have not said yet what they remember of it.
    WaitsForVoters,
    /// No leader with a majority has answered.
    NoMajority,
    /// Too many committed entries are not applied here yet.
    Behind,
    /// The disk of its data folder has too few free bytes.
    LowDiskSpace,
}

/// `GET /v1/state-hash`: equal at equal `applied` on every node (law D3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHash {
    pub schema: u32,
    pub applied: u64,
    pub hash: Hash,
}
