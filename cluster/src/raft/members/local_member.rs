//! What this node says and durably remembers of its cluster: common to founding one and to joining one.
//!
//! The cluster is on the disk before anything else knows of it, so that whoever lets this node append
//! finds a node that will remember.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use cameo_common::ids::{ClusterId, NodeId};
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;

use super::bootstrap::Forming;
use super::member_view::Membership;
use crate::link::{CallError, Dial, Links};
use crate::raft::genesis::{Genesis, GenesisMember, Record, RecordFile};
use crate::raft::rpc::wire::{NodeReply, NodeRequest, Presence, decode, encode};

/// This node, on its way into a cluster and in it.
pub(crate) struct Belonging {
    pub me: GenesisMember,
    pub token: [u8; 32],
    /// Link addresses that `--peers` names, this node's among them.
    pub peers: BTreeMap<NodeId, String>,
    pub membership: Arc<Membership>,
    pub file: RecordFile,
    /// Makes the store remember the cluster too.
    pub remember: Arc<dyn Fn(ClusterId) -> io::Result<()> + Send + Sync>,
    /// The log was empty at the start.
    pub started_empty: bool,
    /// Whoever records a genesis holds this.
    pub recording: Mutex<()>,
}

impl Belonging {
    /// What this node says of itself.
    pub fn presence(&self) -> Presence {
        Presence {
            member: self.me.clone(),
            token: self.token,
            cluster: self
                .membership
                .genesis()
                .map(|genesis| genesis.cluster_id()),
            empty: self.log_is_empty(),
            peers: self.peers.keys().copied().collect(),
        }
    }

    pub fn log_is_empty(&self) -> bool {
        let Some(consensus) = self.membership.consensus.get() else {
            return self.started_empty;
        };
        let metrics = consensus.metrics();
        let metrics = metrics.borrow_watched();
        self.started_empty && metrics.last_log_index.is_none() && metrics.last_applied.is_none()
    }

    /// A majority has agreed that this node is a member, as far as it has heard. That holds for good: nobody tells it of
    /// its removal.
    pub async fn was_let_in(&self) -> bool {
        match self.membership.consensus.get() {
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
        let _one = self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let cluster = genesis.cluster_id();
        match self.membership.genesis() {
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
        self.membership.belongs(record.genesis);
        Ok(cluster)
    }

    /// Says once what it waits for; also between the record and the beginning of the log.
    pub fn waiting(&self, why: String, said: &mut String) {
        if *said == why {
            return;
        }
        tracing::info!(%why, "no cluster yet");
        said.clone_from(&why);
        self.membership.forming.send_if_modified(|forming| {
            let waits = matches!(forming, Forming::Waiting { .. });
            if waits {
                *forming = Forming::Waiting { why };
            }
            waits
        });
    }

    /// Notes that the log has begun: an empty one is a loss from now on.
    pub async fn log_has_begun(&self) {
        let Some(genesis) = self.membership.genesis() else {
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

/// One question to one node, on a link of its own.
pub(crate) async fn ask(
    links: &Links,
    dial: Dial,
    request: &NodeRequest,
    deadline: Instant,
) -> Result<NodeReply, CallError> {
    let unreadable =
        |error: crate::raft::rpc::wire::WireError| CallError::Denied(error.to_string());
    let body = encode(request).map_err(unreadable)?;
    let reply = links.separate(dial).call(&body, deadline).await?;
    decode(&reply).map_err(unreadable)
}

/// 32 bytes from the system.
pub(crate) fn random() -> Result<[u8; 32], String> {
    use rand::TryRng;
    let mut bytes = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}
