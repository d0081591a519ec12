//! Raft's own thread: whatever else the node computes, heartbeats go out in time.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A single-threaded runtime on a thread of its own; ends when dropped.
#[derive(Debug)]
pub(super) struct RaftThread {
    pub handle: Handle,
    _alive: oneshot::Sender<()>,
}

impl RaftThread {
    pub fn start(node: u64) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(format!("raft-{node}"))
            .spawn(move || {
                // Ends by error, when the sender is dropped.
                let _ = runtime.block_on(ended);
            })?;
        Ok(Self {
            handle,
            _alive: alive,
        })
    }
}
