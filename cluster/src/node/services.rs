//! The services of a node whose cluster has formed.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_machine::read;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::leader::Leader;
use super::node_rpc_answers::NodeRpcAnswers;
use super::stage::Stage;
use super::subsystems::Subsystems;
use crate::event_stream::Streams;
use crate::http::{Api, ApiDeps};
use crate::jobs::PlacementAnswers;
use crate::key_release::Releaser;
use crate::node_rpc::NodeRpc;
use crate::presence::{Presence, PresenceAnswers, Renewals};
use crate::raft::{Genesis, Raft, RaftReplica, Replica};
use crate::store::State;

/// How often the node looks whether its state has the first entry, unless it is told.
const STATE_CHECK: Duration = Duration::from_millis(50);

/// What serves clients and other nodes, and the work that goes on as long as it lives.
pub(super) struct RunningServices {
    pub api: Api,
    cluster: ClusterId,
    replica: Arc<dyn Replica>,
    tasks: Vec<AbortHandle>,
}

impl RunningServices {
    pub(super) fn start(
        id: NodeId,
        subsystems: Subsystems,
        raft: Raft,
        state: State,
        stopping: watch::Receiver<bool>,
        genesis: &Genesis,
    ) -> Self {
        let descriptor = genesis.descriptor();
        let cluster = ClusterId(descriptor.hash().0);
        subsystems
            .trust
            .formed(raft.clone(), cluster, descriptor.clone());
        let replica: Arc<dyn Replica> = Arc::new(RaftReplica::new(raft, state));
        let presence = Arc::new(Presence::new(id));
        let streams = Arc::new(Streams::default());
        let answers = NodeRpcAnswers {
            node: id,
            presence: PresenceAnswers {
                node: id,
                replica: replica.clone(),
                presence: presence.clone(),
                streams: streams.clone(),
            },
            placement: PlacementAnswers {
                node: id,
                cluster,
                replica: replica.clone(),
                dispatcher: subsystems.dispatcher.clone(),
                clock: subsystems.clock.clone(),
                rng: subsystems.rng.clone(),
            },
        };
        let rpc = Arc::new(NodeRpc::new(id, replica.clone(), Arc::new(answers)));
        subsystems.rpc.begin(rpc.clone());
        let (renewals, carry) = Renewals::new(rpc.clone());
        let leader = Leader {
            node: id,
            founding: descriptor,
            replica: replica.clone(),
            presence: presence.clone(),
            dispatcher: subsystems.dispatcher.clone(),
        };
        let swept = replica.clone();
        let tasks = vec![
            tokio::spawn(carry).abort_handle(),
            tokio::spawn(leader.serve()).abort_handle(),
            tokio::spawn(async move { presence.sweep(&*swept).await }).abort_handle(),
        ];
        let secret = subsystems.keys.sealing_key();
        let api = Api::new(ApiDeps {
            node: id,
            cluster,
            replica: replica.clone(),
            rpc,
            renewals,
            streams,
            releaser: Releaser::new(id, secret, subsystems.rng),
            dispatcher: subsystems.dispatcher,
            worker: subsystems.worker,
            reporter: subsystems.reporter,
            clock: subsystems.clock,
            stopping,
        });
        Self {
            api,
            cluster,
            replica,
            tasks,
        }
    }

    /// Ready once the first entry is in this node's own state.
    pub(super) async fn announce(&self, stage: &watch::Sender<Stage>) {
        stage.send_replace(Stage::Waiting("the cluster has no leader yet".to_owned()));
        let mut touched = self.replica.touched();
        while read::cluster_id(&*self.replica.view()).is_none() {
            // Nothing may be touched by a founding: looked at again after a while at most.
            let _woken = tokio::time::timeout(STATE_CHECK, touched.recv()).await;
        }
        stage.send_replace(Stage::Ready(self.cluster));
    }
}

impl Drop for RunningServices {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
