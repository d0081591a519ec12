//! The running parts of Raft, and their end.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::link::{Links, Server};
use crate::raft::engine::consensus::Consensus;
use crate::raft::engine::runtime::RaftThread;

/// The parts that end when the node stops.
pub(crate) struct Running {
    pub server: Server,
    pub tasks: Vec<JoinHandle<()>>,
    pub runtime: Handle,
    pub thread: Option<RaftThread>,
}

impl Running {
    /// Ends all parts; the links are closed once consensus has shut down.
    pub(super) async fn end(self, consensus: Arc<dyn Consensus>, links: &Links) {
        let Self {
            server,
            tasks,
            runtime,
            thread,
        } = self;
        let ended = runtime.spawn(async move {
            consensus.shutdown().await;
            server.close().await;
            for task in tasks {
                task.abort();
            }
        });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "Raft did not shut down cleanly");
        }
        links.close();
        if let Some(thread) = thread {
            thread.end().await;
        }
    }
}
