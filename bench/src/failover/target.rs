//! A cluster whose leader is killed or stopped, and its clients.

use std::time::Duration;

/// Nodes of each cluster.
pub const NODES: usize = 3;
/// Clients that write at a time.
pub const CLIENTS: usize = 8;

/// What happens to a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// SIGKILL.
    Killed,
    /// SIGTERM: it hands over first.
    Stopped,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Stopped => "stopped",
        }
    }
}

/// A cluster of [`NODES`] processes, which are numbered from 0.
pub trait Target {
    type Client: Client;
    const NAME: &'static str;
    /// How long a write can be read back; None for ever.
    const KEPT_FOR: Option<Duration>;
    /// How long after its cause an election may end: a leader's lease, or its silence, and the
    /// longest election timeout.
    const ELECTS_WITHIN: Duration;

    /// Its processes; all nodes run.
    fn processes(&self) -> anyhow::Result<Vec<u32>>;

    /// The node that leads.
    async fn leader(&self) -> anyhow::Result<usize>;
    /// The newest term that a node tells.
    async fn term(&self) -> anyhow::Result<u64>;
    /// Ends a node, and waits until its process has ended.
    async fn end(&mut self, node: usize, how: End) -> anyhow::Result<()>;
    /// Starts a node again, and waits until it has caught up.
    async fn restart(&mut self, node: usize) -> anyhow::Result<()>;
    /// Sends SIGKILL to all nodes, and then waits until they have ended.
    async fn kill_all(&mut self) -> anyhow::Result<()>;
    /// Starts all nodes, and waits until they serve.
    async fn start_all(&mut self) -> anyhow::Result<()>;
    /// The client with this number, from 0 to [`CLIENTS`]: each time the same user.
    fn client(&self, number: usize) -> anyhow::Result<Self::Client>;
}

/// A client that calls any node.
pub trait Client {
    /// What a write is asked for by.
    type Written: Clone;

    /// Writes by this node. After an error the write may be done, or not.
    async fn write(&mut self, node: usize) -> anyhow::Result<Self::Written>;
    /// What a write that never was would be asked for by.
    fn never_written(&self) -> Self::Written;
    /// Whether a write of this client is there, by the word of the cluster through this node.
    async fn has(&mut self, node: usize, written: &Self::Written) -> anyhow::Result<bool>;
}
