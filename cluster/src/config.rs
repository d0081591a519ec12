//! Command line and configuration of `cameod`: flags, checked into one plain [`Config`].

mod backup;
#[cfg(feature = "baselines")]
mod baseline;
mod check;
mod error;
mod file;
mod layers;
mod member;
mod operator;
mod reload;
mod run_option;
mod verb;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use cameo_common::cluster_address::host_and_port;
use cameo_common::ids::NodeId;
use cameo_common::registration::RegistrationMode;
use clap::builder::TypedValueParser;
use clap::{Args, Parser};

pub use backup::{ApproveRestoreFlags, BackupFlags, RestoreFlags, StatusFlags};
#[cfg(feature = "baselines")]
pub use baseline::Baseline;
pub use check::CheckFlags;
pub use error::ConfigError;
pub use file::{FILE_VERSION, FileError, FileFault};
pub use layers::{Environment, Layers, ReadError};
pub use member::{ChangeFlags, MemberFlags, MemberVerb};
pub use operator::{InviteFlags, RegistrationFlags, RemoveFlags, RetireFlags, TokenFlags};
pub use reload::Reload;
pub use verb::Verb;

use crate::host::log::{self, LogFormat};

/// Most nodes in `--peers`; a worker itself is not counted.
const MAX_PEERS: usize = cameo_common::cluster_descriptor::MAX_NODES;
/// Entries between two snapshots.
const SNAPSHOT_AFTER: u64 = 50_000;
/// MiB. With less memory the photo of a phone could not be hidden.
const MIN_JOB_MEMORY: u64 = 128;
/// MiB.
const MAX_JOB_MEMORY: u64 = 1 << 20;
/// MiB.
const MAX_DISK_RESERVE: u64 = 1 << 20;
const MIB: u64 = 1024 * 1024;

/// The command line of `cameod`.
#[derive(Debug, Parser)]
#[command(
    name = "cameod",
    version,
    about = "A node of a Cameo cluster",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = crate::operator::exit_help()
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub run: Option<RunFlags>,
}

/// The flags of a node. Each is a key of the configuration file and a variable of the environment
/// too: see `run_option`. What several of them have to agree on is checked in
/// [`RunFlags::check`], because they may come from different places.
#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    /// File with options that are not given here, as TOML: each key is a flag without its dashes,
    /// below `version = 1`. A flag also goes before its variable, CAMEOD_HTTP_URL for --http-url,
    /// and this before the file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Number of this node in --peers; never one that another node has had.
    #[arg(long, value_parser = node_id())]
    id: NodeId,
    /// Folder for this node's data; each node needs its own.
    #[arg(long)]
    data: PathBuf,
    /// Join a running cluster as a worker: it does image jobs, and has no vote and no key parts.
    #[arg(long)]
    worker: bool,
    /// All nodes with their Raft addresses: 1=HOST:PORT,2=HOST:PORT,...; with --worker, this node,
    /// and members beyond those that its token names.
    #[arg(
        long,
        value_delimiter = ',',
        required = true,
        value_name = "ID=HOST:PORT"
    )]
    peers: Vec<String>,
    /// Listening address for other nodes, if it is not this node's address in --peers: behind NAT
    /// or a forwarded port, for example.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Listening address for clients: HTTP over TLS, on the keys of node and device.
    #[arg(long, value_name = "ADDR")]
    http: String,
    /// URL at which clients reach this node, if it is not https://ADDR.
    #[arg(long, value_name = "URL")]
    http_url: Option<String>,
    /// Listening address for health and metrics, in the clear; none by default.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// File with the cluster's secret, the same at all nodes that form it: see `cameod secret`.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// File of a worker's token, instead of the secret: see `cameod token`.
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Who may register when the cluster begins, the same at all nodes; by default open where
    /// --http is a loopback address, else invite.
    #[arg(long, value_name = "open|invite|closed")]
    registration: Option<RegistrationMode>,
    /// For one start, where the node waits because its folder may be an older copy: let it take
    /// part with a majority. If the folder is older after all, what was acknowledged since is lost.
    #[arg(long)]
    folder_is_newest: bool,
    /// Decision log of the placements by this node: see `cameo-chaos decisions`.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    // Not a flattened struct: with one, clap would take no flag as one of `RunFlags`.
    /// Places jobs by a baseline policy. For benchmarks only.
    #[cfg(feature = "baselines")]
    #[arg(long, hide = true, value_name = "POLICY")]
    placement: Option<String>,
    /// Uses a load report only this long after the one before. For benchmarks only.
    #[cfg(feature = "baselines")]
    #[arg(
        long,
        hide = true,
        default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..=baseline::MAX_REPORTS_EVERY_MS)
    )]
    reports_every_ms: u64,
    /// Most memory for image jobs, in MiB; by default from the number of cores, and enough for the
    /// largest job.
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(MIN_JOB_MEMORY..=MAX_JOB_MEMORY)
    )]
    job_memory: Option<u64>,
    /// Free space below which the node takes no new entries, in MiB; by default 128, and at most an
    /// eighth of the file system of --data.
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=MAX_DISK_RESERVE)
    )]
    disk_reserve: Option<u64>,
    /// What goes to stderr, as a filter of `tracing`: warn for less, cameo_cluster=debug for more.
    /// Its variable is CAMEO_LOG. A node reads it again from its file on SIGHUP.
    #[arg(long, value_name = "FILTER", value_parser = log::check_filter)]
    log: Option<String>,
    /// Form of the lines on stderr: text, or one JSON object a line.
    #[arg(
        long,
        value_name = "text|json",
        value_enum,
        hide_possible_values = true,
        default_value = "text",
        hide_default_value = true
    )]
    log_format: LogFormat,
    /// Milliseconds between two heartbeats of the leader.
    #[arg(
        long,
        hide = true,
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(5..=10_000)
    )]
    heartbeat_ms: u64,
    /// Shortest election timeout of all voters, in milliseconds.
    #[arg(
        long,
        hide = true,
        default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(10..=60_000)
    )]
    election_min_ms: u64,
    /// Longest election timeout, in milliseconds.
    #[arg(
        long,
        hide = true,
        default_value_t = 170,
        value_parser = clap::value_parser!(u64).range(11..=60_000)
    )]
    election_max_ms: u64,
    /// Entries between two snapshots; the same at all nodes, or no snapshot is certified.
    #[arg(
        long,
        hide = true,
        default_value_t = SNAPSHOT_AFTER,
        value_parser = clap::value_parser!(u64).range(10..)
    )]
    snapshot_after: u64,
}

/// The file that a node enters its cluster with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialFile {
    /// The founders' secret.
    Secret(PathBuf),
    /// A worker's token.
    Token(PathBuf),
}

/// A node's configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub id: NodeId,
    pub data: PathBuf,
    /// Joins a running cluster instead of bootstrapping one.
    pub worker: bool,
    /// Raft addresses of all nodes, this one included.
    pub peers: BTreeMap<NodeId, String>,
    /// Where links of other nodes are taken; by default this node's address in `peers`.
    pub listen: Option<SocketAddr>,
    pub http: SocketAddr,
    /// Advertised base URL; by default `https://` and the bound address.
    pub http_url: Option<String>,
    /// Where health and metrics are served in the clear.
    pub metrics: Option<SocketAddr>,
    /// What it enters the cluster with.
    pub credential: CredentialFile,
    /// Who may register when the cluster begins.
    pub registration: RegistrationMode,
    /// File of the decision log, if there is one.
    pub decisions: Option<PathBuf>,
    #[cfg(feature = "baselines")]
    pub baseline: Baseline,
    /// Bytes that image jobs may take; `None` for the default.
    pub job_memory: Option<u64>,
    /// Free bytes below which the node takes no new entries; `None` for the default.
    pub disk_reserve: Option<u64>,
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
    pub snapshot_after: u64,
    /// A folder that may be a copy gets the grace, in this start.
    pub folder_is_newest: bool,
}

impl RunFlags {
    /// The filter of the log, if one is given.
    #[must_use]
    pub fn log_filter(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// The form of the log.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

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
        let credential = match (self.worker, self.token, self.secret) {
            (true, Some(token), None) => CredentialFile::Token(token),
            (false, None, Some(secret)) => CredentialFile::Secret(secret),
            (false, Some(_), _) => return Err(ConfigError::NoWorker),
            (true, None, None) => return Err(ConfigError::NoToken),
            (false, None, None) => return Err(ConfigError::NoSecret),
            (true, _, Some(_)) => return Err(ConfigError::Credential),
        };
        if self.worker && self.folder_is_newest {
            return Err(ConfigError::NoFolderOfWorkers);
        }
        let ordered =
            self.heartbeat_ms < self.election_min_ms && self.election_min_ms < self.election_max_ms;
        if !ordered {
            return Err(ConfigError::Timeouts);
        }
        let http = address(&self.http).ok_or(ConfigError::Http(self.http))?;
        let http_url = self.http_url.map(|url| http_url(&url)).transpose()?;
        if http.ip().is_unspecified() && http_url.is_none() {
            return Err(ConfigError::NoUrl(http));
        }
        let metrics = self
            .metrics
            .map(|text| address(&text).ok_or(ConfigError::Metrics(text)));
        let by_default = if http.ip().is_loopback() {
            RegistrationMode::Open
        } else {
            RegistrationMode::Invite
        };
        Ok(Config {
            id: self.id,
            data: self.data,
            worker: self.worker,
            peers,
            listen: self.listen.map(|text| listen(&text)).transpose()?,
            http,
            http_url,
            metrics: metrics.transpose()?,
            credential,
            registration: self.registration.unwrap_or(by_default),
            decisions: self.decisions,
            #[cfg(feature = "baselines")]
            baseline: Baseline::of_flags(self.placement, self.reports_every_ms)?,
            job_memory: self.job_memory.map(|mib| mib * MIB),
            disk_reserve: self.disk_reserve.map(|mib| mib * MIB),
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            election_min: Duration::from_millis(self.election_min_ms),
            election_max: Duration::from_millis(self.election_max_ms),
            snapshot_after: self.snapshot_after,
            folder_is_newest: self.folder_is_newest,
        })
    }
}

/// Parser of `--id`.
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

fn listen(text: &str) -> Result<SocketAddr, ConfigError> {
    let address: Option<SocketAddr> = text.parse().ok();
    // Whatever forwards to this node has to know its port.
    let address = address.filter(|address| address.port() != 0);
    address.ok_or_else(|| ConfigError::Listen(text.to_owned()))
}

fn address(text: &str) -> Option<SocketAddr> {
    text.replacen("localhost:", "127.0.0.1:", 1).parse().ok()
}

fn http_url(text: &str) -> Result<String, ConfigError> {
    let url = text.trim_end_matches('/');
    let (host, _) = host_and_port(url).map_err(|_| ConfigError::Url(text.to_owned()))?;
    let address: Option<IpAddr> = host.parse().ok();
    if address.is_some_and(|address| address.is_unspecified()) {
        return Err(ConfigError::UnspecifiedUrl(text.to_owned()));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests;
