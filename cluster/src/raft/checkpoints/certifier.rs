//! Collection of the voters' signatures over this node's newest snapshot.
//!
//! Every node asks the voters for itself, so a certificate depends on no leader. It is asked for
//! when the snapshot is taken, long before a node that is behind needs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::NodeId;
use cameo_common::signed::Signed;
use cameo_common::statements::Checkpoint;
use tokio::time::{Instant, sleep};

use super::OwnCheckpoints;
use crate::certificate::{Certificate, NotCertified, StatePoint};
use crate::link::{Lane, Links};
use crate::raft::engine::consensus::Consensus;
use crate::raft::members::known_chain::KnownChain;
use crate::raft::rpc::snapshots::SnapshotPort;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};

/// Time limit of one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before the voters that have not signed are asked again; it doubles up to the maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Snapshots in a row without a certificate, from which on each one is reported as an error. The
/// log is kept since the last certified one, whatever its length: what is behind it could be
/// installed nowhere else.
const REPORTED: u32 = 4;

/// The task that certifies this node's snapshots.
pub(crate) struct Certifier<P> {
    pub me: NodeId,
    pub own: OwnCheckpoints,
    pub consensus: Arc<dyn Consensus>,
    pub links: Links,
    pub port: Arc<P>,
}

impl<P: SnapshotPort> Certifier<P> {
    /// Never returns.
    pub async fn run(self) {
        let mut pending = self.own.recent.pending();
        // One may have been taken from the log, before this task began.
        pending.mark_changed();
        let mut uncertified = 0;
        while pending.changed().await.is_ok() {
            let Some(point) = *pending.borrow_and_update() else {
                continue;
            };
            // A newer snapshot replaces the one that waits.
            let certified = tokio::select! {
                certificate = self.collect(point) => self.keep(point, certificate).await,
                newer = pending.changed() => {
                    pending.mark_changed();
                    newer.is_ok_and(|()| false)
                }
            };
            uncertified = if certified { 0 } else { uncertified + 1 };
            if uncertified >= REPORTED {
                tracing::error!(
                    index = point.index,
                    uncertified,
                    "too few voters have signed this node's last snapshots: it keeps its log \
                     since the last certified one. Compare /v1/state-hash of the nodes"
                );
            }
        }
    }

    /// Makes the snapshot the current one and tells consensus, which purges the log behind it.
    async fn keep(&self, point: StatePoint, certificate: Certificate) -> bool {
        match self.port.certify(point, certificate).await {
            Ok(true) => {
                tracing::info!(index = point.index, "a snapshot is certified");
                self.consensus.snapshot_certified().await;
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::error!(index = point.index, %error, "a snapshot could not be kept");
                false
            }
        }
    }

    /// Asks the voters until enough of them have signed.
    async fn collect(&self, point: StatePoint) -> Certificate {
        let mut pause = FIRST_PAUSE;
        let mut signed = BTreeMap::new();
        loop {
            if let Some(chain) = self.own.members.chain() {
                let newest = chain.newest();
                // Those that have left since they have signed no longer count.
                signed.retain(|id, _| newest.node(*id).is_some());
                self.ask_all(&chain, &point, &mut signed).await;
                if signed.len() >= newest.threshold() {
                    return Certificate(signed.into_values().collect());
                }
            }
            sleep(pause).await;
            if pause < MAX_PAUSE && 2 * pause >= MAX_PAUSE {
                tracing::warn!(
                    index = point.index,
                    signed = signed.len(),
                    "too few voters have signed this node's snapshot yet; the log is kept"
                );
            }
            pause = (2 * pause).min(MAX_PAUSE);
        }
    }

    async fn ask_all(
        &self,
        chain: &KnownChain,
        point: &StatePoint,
        signed: &mut BTreeMap<NodeId, Signed<Checkpoint>>,
    ) {
        let (newest, voters) = (chain.newest(), chain.voters());
        for voter in &newest.nodes {
            if signed.len() >= newest.threshold() {
                return;
            }
            if signed.contains_key(&voter.id) {
                continue;
            }
            let Some(checkpoint) = self.ask(voter, point.index).await else {
                continue;
            };
            match voters.check_one(&checkpoint, point) {
                Ok(key) if key == voter.key => drop(signed.insert(voter.id, checkpoint)),
                Ok(_) => {}
                Err(error @ NotCertified::OtherState { .. }) => tracing::error!(
                    node = voter.id.0,
                    index = point.index,
                    %error,
                    "a voter has another state than this node: one of them is wrong"
                ),
                Err(error) => {
                    tracing::warn!(node = voter.id.0, %error, "a checkpoint is not taken");
                }
            }
        }
    }

    async fn ask(&self, voter: &NodeIdentity, index: u64) -> Option<Signed<Checkpoint>> {
        if voter.id == self.me {
            return self.own.signed(index);
        }
        let member = self.own.members.member(voter.id)?;
        let link = self.links.member(voter.id, &member.link, Lane::Heartbeat);
        let body = encode(&NodeRequest::Checkpoint { index });
        // A voter that does not answer is asked again.
        let reply = link
            .call(&body, Instant::now() + ANSWER_TIMEOUT)
            .await
            .ok()?;
        match decode(&reply) {
            Ok(NodeReply::Checkpoint(signed)) => signed,
            _ => None,
        }
    }
}
