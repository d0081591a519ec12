//! The listener's life: first it tells clients to wait, then it serves them.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::{Foundation, Stage, Wired};
use crate::http;
use crate::raft::{BootstrapState, Genesis, Raft};
use crate::store::State;

/// What the task that serves clients takes with it.
pub(super) struct Serving {
    pub id: NodeId,
    pub foundation: Foundation,
    pub raft: Raft,
    pub state: State,
    pub listener: TcpListener,
    pub stage: watch::Sender<Stage>,
    pub stopping: watch::Receiver<bool>,
}

/// Tells clients to wait until the cluster has formed, and serves them from then on.
pub(super) async fn serve(serving: Serving) {
    let Serving {
        id,
        foundation,
        raft,
        state,
        listener,
        stage,
        mut stopping,
    } = serving;
    let (formed, until_formed) = oneshot::channel();
    let waiting = http::Waiting {
        node: id,
        raft: raft.clone(),
        stage: stage.subscribe(),
    };
    let twin = match twin(&listener) {
        Ok(twin) => twin,
        Err(error) => {
            tracing::error!(%error, "the listener cannot be shared");
            return;
        }
    };
    let first = http::serve(twin, waiting.router(), async {
        // A sender that is dropped is a node that stops.
        let _formed = until_formed.await;
    });
    let form = async {
        let genesis = form(&raft, &stage).await;
        let _ended = formed.send(());
        genesis
    };
    let genesis = tokio::select! {
        (genesis, ()) = async { tokio::join!(form, first) } => genesis,
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    let wired = Wired::new(id, foundation, raft, state, stopping.clone(), &genesis);
    let serving = http::serve(listener, wired.api.clone().router(), async move {
        let _stops = stopping.wait_for(|stopping| *stopping).await;
    });
    let announce = wired.announce(&stage);
    tokio::join!(serving, announce);
}

/// A second handle on the same port, so that it is never closed in between.
fn twin(listener: &TcpListener) -> io::Result<TcpListener> {
    let copy = listener.as_fd().try_clone_to_owned()?;
    TcpListener::from_std(std::net::TcpListener::from(copy))
}

/// Waits until the node is in its cluster, and says on what.
async fn form(raft: &Raft, stage: &watch::Sender<Stage>) -> Arc<Genesis> {
    let mut forming = raft.bootstrap_state();
    let told = async {
        loop {
            if let BootstrapState::Waiting { why } = &*forming.borrow_and_update() {
                stage.send_replace(Stage::Waiting(why.clone()));
            }
            if forming.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        genesis = raft.formed() => genesis,
        () = told => unreachable!("it never ends by itself"),
    }
}
