//! The HTTP listener: tells clients to wait until the cluster has formed, and serves them from then
//! on.

use std::sync::Arc;

use cameo_common::ids::NodeId;
use tokio::sync::{oneshot, watch};

use super::formed_services::{FormedNode, FormedServices};
use super::pre_raft_parts::PreRaftParts;
use super::stage::Stage;
use crate::floor::{FloorDisk, Floors, Owner};
use crate::http::{self, ClientPort};
use crate::raft::{AppliedState, BootstrapState, Genesis, Raft};

/// The task of the HTTP listener, from the node's start to its stop.
pub(super) struct ListenerTask {
    pub id: NodeId,
    /// Where clients reach this node.
    pub url: String,
    pub parts: PreRaftParts,
    pub raft: Raft,
    pub state: Arc<dyn AppliedState>,
    pub floor: Arc<dyn FloorDisk>,
    pub port: ClientPort,
    pub stage: watch::Sender<Stage>,
    pub stopping: watch::Receiver<bool>,
}

impl ListenerTask {
    /// Tells clients to wait until the cluster has formed, and serves them from then on.
    pub(super) async fn run(self) {
        let Self {
            id,
            url,
            parts,
            raft,
            state,
            floor,
            port,
            stage,
            mut stopping,
        } = self;
        let (formed, until_formed) = oneshot::channel();
        let staged = stage.subscribe();
        let waiting = http::Waiting {
            node: id,
            raft: raft.clone(),
            reason: Arc::new(move || staged.borrow().reason()),
        };
        let first = http::serve(port.clone(), waiting.router(), async {
            // The sender is dropped when the node stops.
            let _formed = until_formed.await;
        });
        let form = async {
            let genesis = formed_cluster(&raft, &stage).await;
            let _ended = formed.send(());
            genesis
        };
        let genesis = tokio::select! {
            (genesis, ()) = async { tokio::join!(form, first) } => genesis,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let owner = Owner {
            node: id,
            cluster: genesis.cluster_id(),
        };
        let floors = match Floors::open(floor, owner).await {
            Ok(floors) => floors,
            Err(why) => {
                tracing::error!(%why, "this node stops");
                stage.send_replace(Stage::Failed(why.to_string()));
                return;
            }
        };
        let node = FormedNode {
            id,
            url,
            genesis,
            floors,
        };
        let services = FormedServices::start(node, parts, raft, state, stopping.clone());
        let serving = http::serve(port, services.api.clone().router(), async move {
            let _stops = stopping.wait_for(|stopping| *stopping).await;
        });
        let announce = services.announce(&stage);
        tokio::join!(serving, announce);
    }
}

/// Waits until the node belongs to its cluster, and publishes the reason meanwhile.
async fn formed_cluster(raft: &Raft, stage: &watch::Sender<Stage>) -> Arc<Genesis> {
    let mut state = raft.bootstrap_state();
    let publish = async {
        loop {
            if let BootstrapState::Waiting { why } = &*state.borrow_and_update() {
                stage.send_replace(Stage::Waiting(why.clone()));
            }
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        genesis = raft.wait_until_formed() => genesis,
        () = publish => unreachable!("this loop never ends"),
    }
}
