//! The host of a node: what it takes from the machine it runs on, or from a simulator.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::start_error::StartError;
use crate::host::blocking::Blocking;
use crate::host::clock::{SystemClock, WallClock};
use crate::host::descriptors;
use crate::host::rng::NodeRng;
use crate::host::signatures::RememberedSignatures;
use crate::http::MAX_CONNECTIONS;
use crate::jobs::JobCost;
use crate::latency::Latencies;
use crate::link::{TcpTransport, Transport};

/// Network, clock, random numbers and threads.
#[derive(Clone)]
pub struct Host {
    /// The network of links and clients.
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn WallClock>,
    pub rng: NodeRng,
    pub blocking: Blocking,
    /// Shared by the edge and the machine.
    pub signatures: Arc<RememberedSignatures>,
    /// Shared by the store and the parts above it.
    pub latencies: Arc<Latencies>,
    /// Runtime of Raft; `None` starts a thread of its own.
    pub raft_runtime: Option<Handle>,
    pub jobs: JobSlots,
    /// Most connections of clients.
    pub client_connections: usize,
}

/// What runs image jobs, and says how loaded it is.
#[derive(Debug, Clone)]
pub enum JobSlots {
    /// Threads of this machine, measured.
    Threads,
    /// Tasks, for as long as `cost` says, on processors that do nothing else.
    Simulated { millicores: u32, cost: JobCost },
}

impl Host {
    /// This machine.
    ///
    /// # Errors
    /// When the system provides no random numbers, or lets the process open too few files.
    pub fn of_machine() -> Result<Self, StartError> {
        let client_connections = descriptors::reserve(MAX_CONNECTIONS)?;
        let rng = NodeRng::of_system().map_err(|error| StartError::System(error.to_string()))?;
        Ok(Self {
            transport: TcpTransport::shared(),
            clock: Arc::new(SystemClock),
            rng,
            blocking: Blocking::Threads,
            signatures: Arc::default(),
            latencies: Arc::default(),
            raft_runtime: None,
            jobs: JobSlots::Threads,
            client_connections,
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("blocking", &self.blocking)
            .field("jobs", &self.jobs)
            .finish_non_exhaustive()
    }
}
