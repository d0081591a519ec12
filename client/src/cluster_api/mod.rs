//! The cluster as its clients see it: sign the call, find a node that answers, ask again with the
//! same request id while that is safe, and check what comes back.
//!
//! One command is one `call::Command`: one request id and one not-after for all its tries, so that
//! however often it is sent it is carried out once. `cluster` knows the nodes and verifies who they
//! are; `users`, `grants`, `jobs` and `events` are the endpoints by noun.

mod call;
mod cluster;
mod error;
mod events;
mod grants;
mod jobs;
mod leader;
mod placing;
mod stall_detector;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::SigningKey;

pub use cluster::{Address, parse_addresses};
pub use error::ClusterError;
pub use events::{EventStream, Heard};
pub use jobs::JobFailure;
pub use leader::NoLoads;
pub use placing::Preparing;

/// A command is tried for so long before it is given up.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(15);
/// A node that does not take the connection for so long is passed over.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// A node that does not answer for so long is passed over: longer than a node looks for a majority.
pub const TRY_DEADLINE: Duration = Duration::from_millis(6_500);
/// Longest time for one upload to a worker and the picture back, beside the time for its bytes.
pub const JOB_DEADLINE: Duration = Duration::from_secs(20);
/// A worker may stand still for so long, and for [`JOB_TIMES_EXPECTED`] the time that its leader thought it needs.
pub const JOB_PATIENCE: Duration = Duration::from_secs(5);
/// See [`JOB_PATIENCE`]: a projection is wrong by so much when a neighbour takes most of a worker's cores.
pub const JOB_TIMES_EXPECTED: u32 = 4;

/// The cluster that a home is tied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub cluster: ClusterId,
    /// Base URLs of nodes to begin with.
    pub nodes: Vec<String>,
}

/// One device's door to the cluster. Cheap to clone.
#[derive(Clone)]
pub struct ClusterApi {
    inner: Arc<Inner>,
}

struct Inner {
    cluster: ClusterId,
    device: Arc<SigningKey>,
    http: reqwest::Client,
    nodes: Mutex<Nodes>,
    deadline: Duration,
    placing: placing::Placing,
}

/// Where the nodes are, the last good one first.
#[derive(Debug, Default)]
struct Nodes {
    urls: Vec<String>,
    /// By node id, once a node has told.
    by_id: Vec<(NodeId, String)>,
    /// The cluster's clock less ours, in milliseconds.
    clock_offset: i64,
    /// The node that told the cluster's clock.
    clock_from: String,
    verified: bool,
}

impl ClusterApi {
    /// A door to the pinned cluster; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClusterError::Setup`] when HTTP cannot be set up, [`ClusterError::BadAddress`] for an
    /// address that is no base URL.
    pub fn new(pinned: Pinned, device: Arc<SigningKey>) -> Result<Self, ClusterError> {
        Self::with_deadline(pinned, device, COMMAND_DEADLINE)
    }

    /// The same with another deadline for each command.
    ///
    /// # Errors
    /// As for [`ClusterApi::new`].
    pub fn with_deadline(
        pinned: Pinned,
        device: Arc<SigningKey>,
        deadline: Duration,
    ) -> Result<Self, ClusterError> {
        for url in &pinned.nodes {
            cluster::check_url(url)?;
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ClusterError::Setup(error.to_string()))?;
        let nodes = Nodes {
            urls: pinned.nodes,
            ..Nodes::default()
        };
        Ok(Self {
            inner: Arc::new(Inner {
                cluster: pinned.cluster,
                device,
                http,
                nodes: Mutex::new(nodes),
                deadline,
                placing: placing::Placing::default(),
            }),
        })
    }

    /// The cluster that this door leads to.
    #[must_use]
    pub fn cluster_id(&self) -> ClusterId {
        self.inner.cluster
    }

    /// How long one command is tried.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.inner.deadline
    }

    /// Base URLs as known now, the last good one first.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes().urls.clone()
    }

    /// Nodes by id, as a verified node told them; empty before the first call.
    #[must_use]
    pub fn nodes_by_id(&self) -> Vec<(NodeId, String)> {
        self.nodes().by_id.clone()
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.inner
            .nodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
