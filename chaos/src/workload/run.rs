//! The parts that all clients of one run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_common::api::{ClusterInfo, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, NodeId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::port::{Port, Request};
use crate::history::{Key, Micros, Op, Recorder, Row};

/// Longest wait for the cluster's identity.
const IDENTITY_WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for one node's answer to it.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// The cluster does not say who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no node has given the cluster's identity within {} s", IDENTITY_WITHIN.as_secs())]
pub struct NoIdentity;

/// The way to the nodes, the history, and the cluster's identity.
pub struct Run {
    pub port: Arc<dyn Port>,
    pub cluster: ClusterId,
    pub descriptor: Descriptor,
    recorder: Recorder,
    seed: u64,
    clients: AtomicU64,
    streams: AtomicU64,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run of seed {}", self.seed)
    }
}

impl Run {
    /// Asks the nodes for the cluster's identity.
    ///
    /// # Errors
    /// When none gives it in time.
    pub async fn begin(
        port: Arc<dyn Port>,
        recorder: Recorder,
        seed: u64,
    ) -> Result<Arc<Self>, NoIdentity> {
        let end = Instant::now() + IDENTITY_WITHIN;
        loop {
            for node in port.nodes() {
                if let Some((cluster, descriptor)) = identity(&*port, node).await {
                    return Ok(Arc::new(Self {
                        port,
                        cluster,
                        descriptor,
                        recorder,
                        seed,
                        clients: AtomicU64::new(0),
                        streams: AtomicU64::new(0),
                    }));
                }
            }
            if Instant::now() >= end {
                return Err(NoIdentity);
            }
            sleep(PAUSE).await;
        }
    }

    /// Randomness of one part of the workload: the same for the same run and name.
    #[must_use]
    pub fn rng(&self, name: &str) -> StdRng {
        let mut hasher = blake3::Hasher::new_derive_key("cameo chaos workload v1");
        hasher
            .update(&self.seed.to_le_bytes())
            .update(name.as_bytes());
        StdRng::from_seed(*hasher.finalize().as_bytes())
    }

    /// A client number that nobody has used.
    pub fn next_client(&self) -> u64 {
        self.clients.fetch_add(1, Ordering::Relaxed)
    }

    /// A number for an event stream.
    pub fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }

    /// Appends an operation that ends now, or whose outcome is unknown.
    pub fn record(&self, client: u64, key: &Key, op: Op, call: Micros) {
        let ret = op.has_outcome().then(|| self.port.elapsed());
        self.recorder.record(&Row {
            client,
            key: key.clone(),
            op,
            call,
            ret,
        });
    }

    /// A node by chance.
    pub fn any_node(&self, rng: &mut StdRng) -> NodeId {
        let nodes = self.port.nodes();
        nodes[rng.random_range(0..nodes.len())]
    }
}

async fn identity(port: &dyn Port, node: NodeId) -> Option<(ClusterId, Descriptor)> {
    let ask = Request::of_anyone(paths::CLUSTER);
    let answer = port.call(node, ask, ANSWER_WITHIN).await.ok()?;
    let info: ClusterInfo = serde_json::from_slice(&answer.body).ok()?;
    let descriptor = info.descriptors.newest().clone();
    Some((info.cluster, descriptor))
}
