//! Dispatch of the calls of other nodes to the modules that answer them.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::backup::Captures;
use crate::jobs::PlacementAnswers;
use crate::node_rpc::{Answers, NodeAnswer, NodeCall};
use crate::presence::PresenceAnswers;

/// Dispatches each call to the module that answers it.
pub(super) struct NodeRpcAnswers {
    pub node: NodeId,
    pub presence: PresenceAnswers,
    pub placement: PlacementAnswers,
    pub captures: Arc<Captures>,
}

impl fmt::Debug for NodeRpcAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeRpcAnswers of node {}", self.node)
    }
}

impl Answers for NodeRpcAnswers {
    fn answer(&self, call: NodeCall) -> BoxFuture<'_, NodeAnswer> {
        async move {
            match call {
                NodeCall::Renew(signs) => self.presence.renew(&signs).await,
                NodeCall::Probe { device, epoch } => self.presence.probe(device, epoch).await,
                NodeCall::ProbeStream { device, epoch } => {
                    self.presence.probe_own_stream(&device, epoch)
                }
                NodeCall::Place { jobs, client } => self.placement.place(&jobs, client),
                NodeCall::Capture { order, index } => NodeAnswer::Captured {
                    applied: self.captures.capture(&order, index),
                },
            }
        }
        .boxed()
    }
}
