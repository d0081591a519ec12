//! What this node says and durably remembers of its cluster: common to founding one and to joining one.
//!
//! The cluster is on the disk before anything else knows of it, so that whoever lets this node append
//! finds a node that will remember.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::bootstrap_state::BootstrapState;
use super::member_view::MemberView;
use super::record_file::{Record, RecordFile};
use crate::raft::genesis::{Genesis, GenesisMember};
use crate::raft::rpc::wire::BootstrapProbe;
use cameo_common::ids::{ClusterId, NodeId};
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;

/// This node, on its way into a cluster and in it.
pub(crate) struct LocalMember {
    pub me: GenesisMember,
    pub token: [u8; 32],
    /// Link addresses that `--peers` names, this node's among them.
    pub peers: BTreeMap<NodeId, String>,
    pub members: Arc<MemberView>,
    pub file: RecordFile,
    /// Makes the store remember the cluster too.
    pub remember: Arc<dyn Fn(ClusterId) -> io::Result<()> + Send + Sync>,
    /// The log was empty at the start.
    pub started_empty: bool,
    /// Whoever records a genesis holds this.
    pub recording: Mutex<()>,
}

impl LocalMember {
    /// What this node says of itself.
    pub fn probe(&self) -> BootstrapProbe {
        BootstrapProbe {
            member: self.me.clone(),
            token: self.token,
            cluster: self.members.genesis().map(|genesis| genesis.cluster_id()),
            empty: self.log_is_empty(),
            peers: self.peers.keys().copied().collect(),
        }
    }

    pub fn log_is_empty(&self) -> bool {
        let Some(consensus) = self.members.consensus.get() else {
            return self.started_empty;
        };
        let metrics = consensus.metrics();
        let metrics = metrics.borrow_watched();
        self.started_empty && metrics.last_log_index.is_none() && metrics.last_applied.is_none()
    }

    /// A majority has agreed that this node is a member, as far as it has heard. That holds for good: nobody tells it of
    /// its removal.
    pub async fn was_let_in(&self) -> bool {
        match self.members.consensus.get() {
            Some(consensus) => consensus.is_agreed_member(self.me.id).await,
            None => false,
        }
    }

    /// Records the genesis, unless this node belongs elsewhere. Durable when it returns.
    pub async fn record(self: &Arc<Self>, genesis: Genesis) -> Result<ClusterId, String> {
        let this = self.clone();
        let recorded = tokio::task::spawn_blocking(move || this.record_now(genesis));
        recorded
            .await
            .map_err(|error| format!("could not record the cluster: {error}"))?
    }

    fn record_now(&self, genesis: Genesis) -> Result<ClusterId, String> {
        let _one = self.recording.lock();
        let cluster = genesis.cluster_id();
        match self.members.genesis() {
            Some(known) if known.cluster_id() == cluster => return Ok(cluster),
            Some(_) => return Err("it belongs to another cluster already".into()),
            None => {}
        }
        if !self.started_empty {
            return Err("its directory is not empty".into());
        }
        let record = Record {
            node: self.me.id,
            genesis,
            initialised: false,
        };
        self.file
            .store(&record)
            .map_err(|error| error.to_string())?;
        (self.remember)(cluster).map_err(|error| format!("its directory refuses: {error}"))?;
        self.members.belongs(record.genesis);
        Ok(cluster)
    }

    /// Says once what it waits for; also between the record and the beginning of the log.
    pub fn waiting(&self, why: String, last_reason: &mut String) {
        if *last_reason == why {
            return;
        }
        tracing::info!(%why, "no cluster yet");
        last_reason.clone_from(&why);
        self.members.state.send_if_modified(|state| {
            let waits = matches!(state, BootstrapState::Waiting { .. });
            if waits {
                *state = BootstrapState::Waiting { why };
            }
            waits
        });
    }

    /// Notes that the log has begun: an empty one is a loss from now on.
    pub async fn log_has_begun(&self) {
        let Some(genesis) = self.members.genesis() else {
            return;
        };
        let record = Record {
            node: self.me.id,
            genesis: (*genesis).clone(),
            initialised: true,
        };
        let file = self.file.clone();
        let stored = tokio::task::spawn_blocking(move || file.store(&record)).await;
        if let Ok(Err(error)) = stored {
            // Written again at the next start; until then a lost log would go unnoticed.
            tracing::error!(%error, "cannot note that the log has begun");
        }
    }
}
