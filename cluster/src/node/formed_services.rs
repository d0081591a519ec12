//! Services of a node, from the time when its cluster has formed.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::SealingPublic;
use cameo_common::signed::Signed;
use cameo_common::statements::{NodeAddress, NodeKeysStatement};
use cameo_machine::read;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::leader::Leader;
use super::node_rpc_answers::NodeRpcAnswers;
use super::pre_raft_parts::PreRaftParts;
use super::stage::Stage;
use super::take_over::{self, TakeOverDuty};
use super::voters_duty::VotersDuty;
use crate::backup::{Captures, KeptBackup, Taking};
use crate::event_stream::Streams;
use crate::floor::Floors;
use crate::http::{Api, ApiDeps, RegistrationRate, WrongSigners};
use crate::jobs::PlacementAnswers;
use crate::key_release::{Releaser, ReleaserDeps};
use crate::node_rpc::NodeRpc;
use crate::presence::{Presence, PresenceAnswers, Renewals};
use crate::raft::{AppliedState, Genesis, Raft, RaftReplica, Replica};
use crate::store::OnDemandSnapshots;

/// Interval of the checks for the first entry, unless an entry is applied first.
const STATE_CHECK: Duration = Duration::from_millis(50);

/// A node that belongs to its cluster.
pub(super) struct FormedNode {
    pub id: NodeId,
    /// Where clients reach it.
    pub url: String,
    pub genesis: Arc<Genesis>,
    pub floors: Floors,
    pub snapshots: Option<Arc<dyn OnDemandSnapshots>>,
    pub kept: Option<Arc<KeptBackup>>,
}

/// The services for clients and other nodes, with their background tasks.
pub(super) struct FormedServices {
    pub api: Api,
    cluster: ClusterId,
    replica: Arc<dyn Replica>,
    tasks: Vec<AbortHandle>,
}

impl FormedServices {
    pub(super) fn start(
        node: FormedNode,
        parts: PreRaftParts,
        raft: Raft,
        state: Arc<dyn AppliedState>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let FormedNode {
            id,
            url,
            genesis,
            floors,
            snapshots,
            kept,
        } = node;
        let descriptor = genesis.descriptor();
        let cluster = ClusterId(descriptor.hash().0);
        parts.trust.set_cluster(raft.clone(), cluster);
        let has_vote = raft.runs_as_voter();
        let replica: Arc<dyn Replica> = Arc::new(RaftReplica::new(
            raft,
            state,
            parts.signatures.clone(),
            parts.clock.clone(),
            parts.latencies.clone(),
        ));
        let operators_view = replica.clone();
        let captures = Captures::new(
            cluster,
            Box::new(move || read::operator(&*operators_view.view())),
            parts.clock.clone(),
            parts.signatures.clone(),
            snapshots,
        );
        let shared = SharedParts {
            id,
            cluster,
            address: address(&parts, cluster, url),
            identity: identity(&parts, cluster, id),
            has_vote,
            replica,
            captures: Arc::new(captures),
            presence: Arc::new(Presence::new(id)),
            streams: Arc::default(),
        };
        let answers = Arc::new(shared.answers(&parts));
        let rpc = Arc::new(NodeRpc::new(id, shared.replica.clone(), answers));
        parts.rpc.begin(rpc.clone());
        let (renewals, send_renewals) = Renewals::new(rpc.clone());
        let leader = shared.leader(descriptor, kept.clone(), &parts);
        let (presence, swept_replica) = (shared.presence.clone(), shared.replica.clone());
        let forgets = take_over::forget(kept, shared.replica.clone());
        let tasks = vec![
            tokio::spawn(forgets).abort_handle(),
            tokio::spawn(send_renewals).abort_handle(),
            tokio::spawn(leader.serve()).abort_handle(),
            tokio::spawn(async move { presence.sweep(&*swept_replica).await }).abort_handle(),
        ];
        Self {
            cluster,
            replica: shared.replica.clone(),
            api: shared.api(parts, floors, rpc, renewals, stopping),
            tasks,
        }
    }

    /// Publishes `Ready` once the first entry is in this node's state.
    pub(super) async fn announce(&self, stage: &watch::Sender<Stage>) {
        stage.send_replace(Stage::Waiting("the cluster has no leader yet".to_owned()));
        let mut applied = self.replica.applied();
        while read::cluster_id(&*self.replica.view()).is_none() {
            // Also at intervals: the view may be behind what is told as applied.
            let woken = tokio::time::timeout(STATE_CHECK, applied.changed()).await;
            if let Ok(Err(_ended)) = woken {
                tokio::time::sleep(STATE_CHECK).await;
            }
        }
        stage.send_replace(Stage::Ready(self.cluster));
    }
}

/// The parts that the services share.
struct SharedParts {
    id: NodeId,
    cluster: ClusterId,
    address: Signed<NodeAddress>,
    identity: Signed<NodeKeysStatement>,
    has_vote: bool,
    replica: Arc<dyn Replica>,
    captures: Arc<Captures>,
    presence: Arc<Presence>,
    streams: Arc<Streams>,
}

impl SharedParts {
    fn answers(&self, parts: &PreRaftParts) -> NodeRpcAnswers {
        NodeRpcAnswers {
            node: self.id,
            presence: PresenceAnswers {
                node: self.id,
                replica: self.replica.clone(),
                presence: self.presence.clone(),
                streams: self.streams.clone(),
            },
            placement: PlacementAnswers {
                node: self.id,
                cluster: self.cluster,
                replica: self.replica.clone(),
                dispatcher: parts.dispatcher.clone(),
                clock: parts.clock.clone(),
                rng: parts.rng.clone(),
            },
            captures: self.captures.clone(),
        }
    }

    fn leader(
        &self,
        first_descriptor: Descriptor,
        kept: Option<Arc<KeptBackup>>,
        parts: &PreRaftParts,
    ) -> Leader {
        Leader {
            node: self.id,
            first_descriptor,
            replica: self.replica.clone(),
            presence: self.presence.clone(),
            dispatcher: parts.dispatcher.clone(),
            voters: VotersDuty::default(),
            take_over: TakeOverDuty::new(self.id, kept, parts.blocking),
        }
    }

    fn api(
        self,
        parts: PreRaftParts,
        floors: Floors,
        rpc: Arc<NodeRpc>,
        renewals: Renewals,
        stopping: watch::Receiver<bool>,
    ) -> Api {
        let releaser = ReleaserDeps {
            node: self.id,
            cluster: self.cluster,
            sealing: parts.keys.sealing_key(),
            signing: parts.keys.signing_key(),
            rng: parts.rng,
            signatures: parts.signatures.clone(),
            floors,
        };
        Api::new(ApiDeps {
            node: self.id,
            cluster: self.cluster,
            address: self.address,
            identity: self.identity,
            backups: Taking::new(self.id, self.replica.clone(), self.captures),
            has_vote: self.has_vote,
            replica: self.replica,
            rpc,
            renewals,
            streams: self.streams,
            releaser: Releaser::new(releaser),
            dispatcher: parts.dispatcher,
            worker: parts.worker,
            reporter: parts.reporter,
            clock: parts.clock,
            signatures: parts.signatures,
            latencies: parts.latencies,
            registrations: RegistrationRate::default(),
            wrong_signers: WrongSigners::default(),
            stopping,
        })
    }
}

/// Where this node serves, in its own words.
fn address(parts: &PreRaftParts, cluster: ClusterId, url: String) -> Signed<NodeAddress> {
    let key = parts.keys.signing_key();
    let address = NodeAddress {
        key: key.public(),
        cluster,
        url,
        stated: parts.clock.unix_millis(),
    };
    Signed::new(&key, address)
}

/// This node's keys, in its own words.
fn identity(parts: &PreRaftParts, cluster: ClusterId, id: NodeId) -> Signed<NodeKeysStatement> {
    let key = parts.keys.signing_key();
    let identity = NodeKeysStatement {
        key: key.public(),
        cluster,
        id,
        sealing: SealingPublic(parts.keys.sealing_public()),
    };
    Signed::new(&key, identity)
}

impl Drop for FormedServices {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
