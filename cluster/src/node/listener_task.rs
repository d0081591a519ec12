//! The HTTP listeners: they tell clients to wait until the cluster has formed, and serve them from
//! then on.

use std::sync::Arc;

use axum::Router;
use cameo_common::ids::NodeId;
use cameo_machine::read;
use futures_util::FutureExt as _;
use tokio::sync::{oneshot, watch};

use super::formed_services::{FormedNode, FormedServices};
use super::pre_raft_parts::PreRaftParts;
use super::stage::Stage;
use crate::backup::KeptBackup;
use crate::floor::{FloorDisk, FloorMark, Floors, Owner};
use crate::http::{self, HttpPort, Probes};
use crate::raft::{AppliedState, BootstrapState, Genesis, Raft};
use crate::store::OnDemandSnapshots;

/// The task of the HTTP listeners, from the node's start to its stop.
pub(super) struct ListenerTask {
    pub id: NodeId,
    /// Where clients reach this node.
    pub url: String,
    pub parts: PreRaftParts,
    pub raft: Raft,
    pub state: Arc<dyn AppliedState>,
    pub snapshots: Option<Arc<dyn OnDemandSnapshots>>,
    /// The backup that the cluster begins from, until its state is taken over.
    pub kept: Option<Arc<KeptBackup>>,
    pub floor: Arc<dyn FloorDisk>,
    /// Told to other nodes, once the floors are open.
    pub mark: FloorMark,
    pub port: HttpPort,
    /// The port in the clear, if there is one.
    pub metrics: Option<HttpPort>,
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
            snapshots,
            kept,
            floor,
            mark,
            port,
            metrics,
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
        let until_formed = async {
            // The sender is dropped when the node stops.
            let _formed = until_formed.await;
        }
        .shared();
        let router = waiting.router();
        let (staged, probed) = (stage.subscribe(), state.clone());
        let probes = Probes {
            node: id,
            raft: raft.clone(),
            state: state.clone(),
            reporter: parts.reporter.clone(),
            not_formed: Arc::new(move || {
                let not_formed = staged.borrow().not_ready();
                not_formed.or_else(|| {
                    let restoring = read::restoring(&*probed.view());
                    restoring.map(|refusal| refusal.to_string())
                })
            }),
        };
        let in_the_clear = router.clone().merge(probes.clone().router());
        let first = async {
            tokio::join!(
                http::serve(port.clone(), router, until_formed.clone()),
                serve_if_any(metrics.clone(), in_the_clear, until_formed),
            )
        };
        let form = async {
            let genesis = formed_cluster(&raft, &stage).await;
            let _ended = formed.send(());
            genesis
        };
        let genesis = tokio::select! {
            (genesis, _) = async { tokio::join!(form, first) } => genesis,
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
        mark.follow(floors.clone());
        let node = FormedNode {
            id,
            url,
            genesis,
            floors,
            snapshots,
            kept,
        };
        let services = FormedServices::start(node, parts, raft, state, stopping.clone());
        let stops = async move {
            let _stops = stopping.wait_for(|stopping| *stopping).await;
        }
        .shared();
        let api = &services.api;
        tokio::join!(
            http::serve(port, api.clone().router(), stops.clone()),
            serve_if_any(metrics, api.clone().public().merge(probes.router()), stops),
            services.announce(&stage)
        );
    }
}

async fn serve_if_any(
    port: Option<HttpPort>,
    router: Router,
    end: impl Future<Output = ()> + Send,
) {
    if let Some(port) = port {
        http::serve(port, router, end).await;
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
