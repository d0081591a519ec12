//! What a node is told at its start: read once into one plain [`Config`].

#[cfg(feature = "baselines")]
mod baseline;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cameo_common::ids::NodeId;
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};

#[cfg(feature = "baselines")]
pub use baseline::Baseline;

/// Most nodes that `--peers` may name, beside a worker itself.
const MAX_PEERS: usize = cameo_common::cluster_descriptor::MAX_NODES;
/// Entries between two snapshots.
const SNAPSHOT_AFTER: u64 = 50_000;
/// With less memory for jobs than this no photo of a phone could be hidden. MiB.
const MIN_JOB_MEMORY: u64 = 128;
/// MiB.
const MAX_JOB_MEMORY: u64 = 1 << 20;
const MIB: u64 = 1024 * 1024;

/// The command line of `cameod`.
#[derive(Debug, Parser)]
#[command(
    name = "cameod",
    version,
    about = "A node of a Cameo cluster",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub run: Option<RunFlags>,
}

/// What `cameod` does other than run a node.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Writes a fresh cluster secret, readable by you only; copy it to every node.
    Secret {
        /// Where to; refused when the file exists.
        file: PathBuf,
    },
    /// Removes a worker that is gone for good, by way of the nodes that run.
    Remove(RemoveFlags),
}

/// The flags of a removal.
#[derive(Debug, Args)]
pub struct RemoveFlags {
    /// The worker's number.
    #[arg(long, value_parser = node_id())]
    id: NodeId,
    /// Members that run, with their Raft addresses: one is enough.
    #[arg(
        long,
        value_delimiter = ',',
        required = true,
        value_name = "ID=HOST:PORT"
    )]
    peers: Vec<String>,
    /// File with the cluster's secret.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
}

/// A removal, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    pub id: NodeId,
    pub peers: BTreeMap<NodeId, String>,
    pub secret: PathBuf,
}

/// The flags of a node.
#[derive(Debug, Args)]
pub struct RunFlags {
    /// This node's number in --peers.
    #[arg(long, value_parser = node_id())]
    id: NodeId,
    /// Where this node keeps its data; one folder a node.
    #[arg(long)]
    data: PathBuf,
    /// Joins a running cluster to do its image work: it has no vote, and holds no parts.
    #[arg(long)]
    worker: bool,
    /// All nodes with their Raft addresses: 1=HOST:PORT,2=HOST:PORT,...; with --worker, this one and at
    /// least one member.
    #[arg(
        long,
        value_delimiter = ',',
        required = true,
        value_name = "ID=HOST:PORT"
    )]
    peers: Vec<String>,
    /// Where clients are served; a loopback address.
    #[arg(long, value_name = "ADDR")]
    http: String,
    /// The URL under which clients reach this node, if it is not http://ADDR.
    #[arg(long, value_name = "URL")]
    http_url: Option<String>,
    /// File with the secret that all nodes of the cluster share: see `cameod secret`.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// Log of the placements that this node decides: see `cameo-chaos check`.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    #[cfg(feature = "baselines")]
    #[command(flatten)]
    baseline: baseline::BaselineFlags,
    /// Most memory that image jobs may take, in MiB; else by the number of cores, and room for the largest job.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(MIN_JOB_MEMORY..=MAX_JOB_MEMORY))]
    job_memory: Option<u64>,
    /// Milliseconds between two heartbeats of the leader.
    #[arg(long, hide = true, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=10_000))]
    heartbeat_ms: u64,
    /// Shortest and longest time without a leader before an election.
    #[arg(long, hide = true, default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    election_min_ms: u64,
    #[arg(long, hide = true, default_value_t = 180, value_parser = clap::value_parser!(u64).range(11..=60_000))]
    election_max_ms: u64,
    /// Entries between two snapshots.
    #[arg(long, hide = true, default_value_t = SNAPSHOT_AFTER, value_parser = clap::value_parser!(u64).range(10..))]
    snapshot_after: u64,
}

/// A node's configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub id: NodeId,
    pub data: PathBuf,
    /// Joins in place of founding.
    pub worker: bool,
    /// Raft addresses of all nodes, this one's included.
    pub peers: BTreeMap<NodeId, String>,
    pub http: SocketAddr,
    /// Advertised base URL; `http://` and the bound address when none is given.
    pub http_url: Option<String>,
    pub secret: PathBuf,
    /// Where decisions are logged, if they are.
    pub decisions: Option<PathBuf>,
    #[cfg(feature = "baselines")]
    pub baseline: Baseline,
    /// Bytes that image jobs may take; none for the worker's own choice.
    pub job_memory: Option<u64>,
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
    pub snapshot_after: u64,
}

/// Flags that cannot be followed. The text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("--peers has `{0}`: write each node as ID=HOST:PORT, as in --peers 1=127.0.0.1:7001")]
    Peer(String),
    #[error("--peers names node {0} twice")]
    Twice(NodeId),
    #[error("--peers names {0} nodes: a cluster has at most {MAX_PEERS}")]
    TooMany(usize),
    #[error("--peers does not name this node: add {0}=HOST:PORT, or change --id")]
    NotAmongPeers(NodeId),
    #[error(
        "--peers names this node alone: a worker needs the address of at least one member, as in --peers 1=HOST:PORT,{0}=HOST:PORT"
    )]
    NoMember(NodeId),
    #[error("--http has `{0}`: write it as IP:PORT, as in --http 127.0.0.1:7101")]
    Http(String),
    #[error(
        "--http {0} is not a loopback address: clients elsewhere need TLS, which this version does not have yet; serve 127.0.0.1 and put a tunnel in front"
    )]
    NotLoopback(SocketAddr),
    #[error("--http-url has `{0}`: write it as http://HOST:PORT, without a path")]
    Url(String),
    #[cfg(feature = "baselines")]
    #[error("--placement has `{0}`: write one of {names}", names = baseline::policies())]
    Placement(String),
    #[error(
        "the timeouts do not fit: heartbeat-ms < election-min-ms < election-max-ms is what elections need"
    )]
    Timeouts,
}

impl RunFlags {
    /// Checks the flags.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(self) -> Result<Config, ConfigError> {
        let peers = peers(&self.peers)?;
        if !peers.contains_key(&self.id) {
            return Err(ConfigError::NotAmongPeers(self.id));
        }
        if peers.len() > MAX_PEERS + usize::from(self.worker) {
            return Err(ConfigError::TooMany(peers.len()));
        }
        if self.worker && peers.len() < 2 {
            return Err(ConfigError::NoMember(self.id));
        }
        let ordered =
            self.heartbeat_ms < self.election_min_ms && self.election_min_ms < self.election_max_ms;
        if !ordered {
            return Err(ConfigError::Timeouts);
        }
        Ok(Config {
            id: self.id,
            data: self.data,
            worker: self.worker,
            peers,
            http: http(&self.http)?,
            http_url: self.http_url.map(|url| http_url(&url)).transpose()?,
            secret: self.secret,
            decisions: self.decisions,
            #[cfg(feature = "baselines")]
            baseline: self.baseline.check()?,
            job_memory: self.job_memory.map(|mib| mib * MIB),
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            election_min: Duration::from_millis(self.election_min_ms),
            election_max: Duration::from_millis(self.election_max_ms),
            snapshot_after: self.snapshot_after,
        })
    }
}

impl RemoveFlags {
    /// Checks the flags.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(self) -> Result<Removal, ConfigError> {
        Ok(Removal {
            id: self.id,
            peers: peers(&self.peers)?,
            secret: self.secret,
        })
    }
}

/// What `--id` takes.
fn node_id() -> impl TypedValueParser<Value = NodeId> {
    clap::value_parser!(u64).range(1..).map(NodeId)
}

fn peers(texts: &[String]) -> Result<BTreeMap<NodeId, String>, ConfigError> {
    let mut peers = BTreeMap::new();
    for text in texts {
        let wrong = || ConfigError::Peer(text.clone());
        let (id, address) = text.split_once('=').ok_or_else(wrong)?;
        let id = id
            .trim()
            .parse()
            .ok()
            .filter(|id: &NodeId| id.0 > 0)
            .ok_or_else(wrong)?;
        let address = address.trim();
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        if peers.insert(id, address.to_owned()).is_some() {
            return Err(ConfigError::Twice(id));
        }
    }
    Ok(peers)
}

fn http(text: &str) -> Result<SocketAddr, ConfigError> {
    let spelled = text.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = spelled
        .parse()
        .map_err(|_| ConfigError::Http(text.to_owned()))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(ConfigError::NotLoopback(address))
    }
}

fn http_url(text: &str) -> Result<String, ConfigError> {
    let url = text.trim_end_matches('/');
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '#', '?', ' ']) => {
            Ok(url.to_owned())
        }
        _ => Err(ConfigError::Url(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
