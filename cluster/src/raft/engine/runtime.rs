//! Raft's own thread: whatever else the node computes, heartbeats go out in time.

use std::io;

use cameo_common::ids::NodeId;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::host::thread_priority;

/// How the names of Raft's threads begin.
pub const RAFT_THREAD: &str = "raft-";

/// A single-threaded runtime on a thread of its own; ends when dropped.
#[derive(Debug)]
pub(crate) struct RaftThread {
    pub handle: Handle,
    alive: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl RaftThread {
    pub fn start(node: NodeId) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, dropped) = oneshot::channel::<()>();
        let (over, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(format!("{RAFT_THREAD}{node}"))
            .spawn(move || {
                thread_priority::raise();
                // Ends by error, when the sender is dropped.
                let _ = runtime.block_on(dropped);
                drop(runtime);
                drop(over);
            })?;
        Ok(Self {
            handle,
            alive,
            ended,
        })
    }

    /// Ends the thread and waits until every task on it, and every socket, is gone.
    pub async fn end(self) {
        drop(self.alive);
        // Ends by error, when the thread drops the sender.
        let _ = self.ended.await;
    }
}
