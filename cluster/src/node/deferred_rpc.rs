//! Service for calls of other nodes, given to Raft before the parts behind it exist.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;

use crate::node_rpc::NodeRpc;
use crate::raft::AppService;

/// Serves calls of other nodes, once the node is ready; until then it answers "not ready".
#[derive(Default)]
pub struct DeferredRpc(OnceLock<Arc<NodeRpc>>);

impl DeferredRpc {
    /// Begins to serve calls.
    pub fn begin(&self, rpc: Arc<NodeRpc>) {
        // Set once: a node starts once.
        let _again = self.0.set(rpc);
    }
}

impl AppService for DeferredRpc {
    fn serve(&self, _from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        let rpc = self.0.get().cloned();
        Box::pin(async move {
            match rpc {
                Some(rpc) => rpc.serve(&body).await,
                None => NodeRpc::not_ready(),
            }
        })
    }
}

impl fmt::Debug for DeferredRpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeferredRpc(ready: {})", self.0.get().is_some())
    }
}
