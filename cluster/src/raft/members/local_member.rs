//! This node's identity and durable membership, before and after it has a cluster.
//!
//! The cluster is recorded on the disk before any other part uses it, so that a node that another
//! one admits will remember its cluster.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::bootstrap_state::BootstrapState;
use super::member_view::MemberView;
use super::record_file::{Record, RecordFile};
use super::secret_check::SecretCheck;
use crate::host::blocking::Blocking;
use crate::raft::genesis::{Genesis, GenesisMember, GenesisTerms};
use crate::raft::rpc::wire::BootstrapProbe;
use cameo_common::ids::{ClusterId, NodeId};
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;

/// This node as a future or present member.
pub(crate) struct LocalMember {
    pub me: GenesisMember,
    pub token: [u8; 32],
    /// Link addresses in `--peers`, including this node's.
    pub peers: BTreeMap<NodeId, String>,
    /// The terms on which it forms a cluster; a worker has none.
    pub terms: Option<GenesisTerms>,
    pub members: Arc<MemberView>,
    pub file: RecordFile,
    /// By which it recognises the secret at later starts; a worker has none.
    pub secret_check: Option<SecretCheck>,
    /// Where the file is written.
    pub blocking: Blocking,
    /// Makes the store record the cluster too.
    pub record_cluster: Arc<dyn Fn(ClusterId) -> io::Result<()> + Send + Sync>,
    /// The log was empty at the start.
    pub started_empty: bool,
    /// Held while a genesis is recorded.
    pub recording: Mutex<()>,
}

impl LocalMember {
    /// This node's answer to a bootstrap probe.
    pub fn probe(&self) -> BootstrapProbe {
        BootstrapProbe {
            member: self.me.clone(),
            token: self.token,
            cluster: self.members.genesis().map(|genesis| genesis.cluster_id()),
            empty: self.log_is_empty(),
            peers: self.peers.keys().copied().collect(),
            terms: self.terms,
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

    /// Whether this node knows that a majority has agreed to its membership. That stays true after
    /// a removal, of which it is not notified.
    pub async fn was_admitted(&self) -> bool {
        match self.members.consensus.get() {
            Some(consensus) => consensus.is_agreed_member(self.me.id).await,
            None => false,
        }
    }

    /// Records the genesis, unless this node belongs to another cluster. Durable when it returns.
    pub async fn record(self: &Arc<Self>, genesis: Genesis) -> Result<ClusterId, String> {
        let this = self.clone();
        let recorded = self.blocking.run(move || this.record_now(genesis));
        recorded
            .await
            .map_err(|error| format!("cannot record the cluster: {error}"))?
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
            return Err("its data folder is not empty".into());
        }
        let record = Record {
            node: self.me.id,
            genesis,
            initialised: false,
        };
        // Before the record: with one alone, the next start would take any secret.
        if let Some(check) = &self.secret_check {
            check.store(&cluster).map_err(|error| error.to_string())?;
        }
        self.file
            .store(&record)
            .map_err(|error| error.to_string())?;
        (self.record_cluster)(cluster)
            .map_err(|error| format!("its data folder cannot record the cluster: {error}"))?;
        self.members.set_genesis(record.genesis);
        Ok(cluster)
    }

    /// Reports once why the node waits, also between the record and the beginning of the log.
    pub fn report_waiting(&self, why: String, last_reason: &mut String) {
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

    /// Records that the log has begun: an empty log is a loss from now on.
    pub async fn record_log_begun(&self) {
        let Some(genesis) = self.members.genesis() else {
            return;
        };
        let record = Record {
            node: self.me.id,
            genesis: (*genesis).clone(),
            initialised: true,
        };
        let file = self.file.clone();
        let stored = self.blocking.run(move || file.store(&record)).await;
        if let Ok(Err(error)) = stored {
            // Written again at the next start; until then the loss of the log would not be
            // detected.
            tracing::error!(
                %error,
                "cannot record that the log has begun; this is tried again at the next start"
            );
        }
    }
}
