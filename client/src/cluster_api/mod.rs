//! The client of the cluster's API: signed calls, failover between nodes, safe retries, and checks
//! of the answers.
//!
//! One call is one `SignedCall`: one request id and one not-after for all its tries, so that it is
//! carried out at most once however often it is sent. `cluster` keeps the nodes' addresses and
//! verifies the cluster's identity by its `chain` of descriptors. `users`, `grants`, `jobs` and
//! `events` are the endpoints, `placement` batches the requests for a worker. `unanswered` has why
//! an address does not answer.

mod address;
mod call;
mod chain;
mod cluster;
mod enough_nodes;
mod error;
mod events;
mod grants;
mod https;
mod jobs;
mod leader;
#[cfg(test)]
pub(crate) mod mock_chain;
#[cfg(test)]
pub(crate) mod mock_node;
mod nodes;
mod placement;
mod probe;
mod second_opinion;
mod signed_call;
mod stall_detector;
mod unanswered;
mod users;
mod wrong_clock;

use std::sync::Arc;
use std::time::Duration;

use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::ClusterId;
use cameo_common::keys::SigningKey;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

pub use address::parse_addresses;
pub use chain::{ChainMemory, FollowError};
pub use error::ClusterError;
pub use events::{EventStream, StreamMessage};
use https::Https;
pub use jobs::JobError;
pub use leader::LoadsUnavailable;
use nodes::Nodes;
pub use placement::JobAnnouncement;
pub use probe::all_refuse;

/// Bound on the time of one call with all its tries.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(15);
/// Bound on connecting to one node, before the next one is tried.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How long an unused connection is kept. Shorter than a node keeps it, so that no call is sent on
/// one that the node closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bound on one node's answer, before the next one is tried. Longer than a node looks for a
/// majority.
pub const TRY_DEADLINE: Duration = Duration::from_millis(6_500);
/// Bound on one job, in addition to the expected time and the time to transfer its bytes.
pub const JOB_DEADLINE: Duration = Duration::from_secs(20);
/// Stall timeout of a job, in addition to [`JOB_STALL_FACTOR`] times the leader's projection.
pub const JOB_STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// See [`JOB_STALL_TIMEOUT`]. The projection is too low by this factor when another process takes
/// most of a worker's cores.
pub const JOB_STALL_FACTOR: u32 = 4;

/// The cluster that a home is tied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub cluster: ClusterId,
    /// Base URLs of some nodes.
    pub nodes: Vec<String>,
}

/// The API client of one device. Cheap to clone.
#[derive(Clone)]
pub struct ClusterApi {
    inner: Arc<Inner>,
}

struct Inner {
    cluster: ClusterId,
    device: Arc<SigningKey>,
    https: Https,
    nodes: Mutex<Nodes>,
    memory: Option<Arc<dyn ChainMemory>>,
    descriptor_number: watch::Sender<u64>,
    deadline: Duration,
    placement: placement::PlacementQueue,
    unheard: unanswered::Unheard,
}

impl ClusterApi {
    /// A client of the pinned cluster. Sends nothing.
    ///
    /// # Errors
    /// [`ClusterError::Setup`] when TLS cannot be set up, [`ClusterError::BadAddress`] for an
    /// address that is not a base URL.
    pub fn new(pinned: Pinned, device: Arc<SigningKey>) -> Result<Self, ClusterError> {
        Self::with_deadline(pinned, device, COMMAND_DEADLINE)
    }

    /// A client with another deadline for each call than [`COMMAND_DEADLINE`].
    ///
    /// # Errors
    /// As for [`ClusterApi::new`].
    pub fn with_deadline(
        pinned: Pinned,
        device: Arc<SigningKey>,
        deadline: Duration,
    ) -> Result<Self, ClusterError> {
        Self::build(pinned, device, deadline, None)
    }

    /// A client of a home, which remembers the newest descriptor.
    ///
    /// # Errors
    /// As for [`ClusterApi::new`].
    pub fn of_home(
        pinned: Pinned,
        device: Arc<SigningKey>,
        deadline: Duration,
        memory: Arc<dyn ChainMemory>,
    ) -> Result<Self, ClusterError> {
        Self::build(pinned, device, deadline, Some(memory))
    }

    fn build(
        pinned: Pinned,
        device: Arc<SigningKey>,
        deadline: Duration,
        memory: Option<Arc<dyn ChainMemory>>,
    ) -> Result<Self, ClusterError> {
        for url in &pinned.nodes {
            address::check_url(url)?;
        }
        let https = Https::new(device.clone())?;
        let nodes = Nodes::new(pinned.nodes);
        Ok(Self {
            inner: Arc::new(Inner {
                cluster: pinned.cluster,
                device,
                https,
                nodes: Mutex::new(nodes),
                memory,
                descriptor_number: watch::Sender::new(0),
                deadline,
                placement: placement::PlacementQueue::default(),
                unheard: unanswered::Unheard::default(),
            }),
        })
    }

    /// The pinned cluster.
    #[must_use]
    pub fn cluster_id(&self) -> ClusterId {
        self.inner.cluster
    }

    /// Bound on one call with all its tries.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.inner.deadline
    }

    /// The known base URLs, the node that answered last first.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes().urls()
    }

    /// The base URLs at which nodes of the cluster have proved or said that they are.
    #[must_use]
    pub fn proved_urls(&self) -> Vec<String> {
        self.nodes().proved_urls()
    }

    /// As many voters as it takes to reconstruct a share, those with the lowest ids; none before
    /// the first answer.
    pub(crate) fn likely_holders(&self) -> Vec<NodeIdentity> {
        self.nodes().likely_holders()
    }

    /// The number of voters; 0 before the first call.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.nodes().voters()
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.inner.nodes.lock()
    }
}

impl std::fmt::Debug for ClusterApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterApi")
            .field("cluster", &self.inner.cluster)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
