//! Raft's own thread, so that other work of the node does not delay heartbeats.

use std::io;

use cameo_common::ids::NodeId;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::host::thread_priority;

/// Prefix of the names of Raft's threads.
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
                // Ends with an error when the sender is dropped.
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

    /// Ends the thread and waits until all its tasks and sockets are gone.
    pub async fn end(self) {
        drop(self.alive);
        // Ends with an error when the thread drops the sender.
        let _ = self.ended.await;
    }
}
