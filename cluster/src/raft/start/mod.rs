//! Start of Raft from the operator's settings and opened storage.

mod error;
mod foundations;
mod local_member;
mod quarantine;
mod recorded_flags;
mod role;
mod settings;
mod tasks;
mod worker_origin;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::authority::{Authority, NewestConfiguration, RefusedLeader, Seldom};
use super::checkpoints::{Certifier, OwnCheckpoints};
use super::client::handle::{Inner, Raft};
use super::client::propose::Proposer;
use super::client::read::{self, Reader, Reads};
use super::client::running::Running;

use super::engine::consensus::Consensus;
use super::engine::log_clock::LogClock;
use super::engine::node_state::NodeState;
use super::engine::runtime::RaftThread;
use super::engine::status::{self, Leadership};
use super::engine::storage::Storage;
use super::engine::successors::OtherVoters;
use super::exchange::Exchange;
use super::members::admission::Admissions;
use super::members::bootstrap::Founder;
use super::members::descriptor_exchange::DescriptorExchange;
use super::members::join::Joiner;
use super::members::local_member::LocalMember;
use super::members::role_watch::RoleWatch;
use super::members::successions::Successions;
use super::quarantine::Gate;
use super::rpc::network::Network;
use super::rpc::snapshots::SnapshotPort;
use super::service::NodeService;
use super::time::clock::Clocks;
use super::time::dated::Dated;
use super::time::entry_time::EntryTimes;
use super::versions::Versions;
use crate::consensus_types::TypeConfig;
use crate::host::listen_error::{ListenError, ListenFlag};
use crate::link::{Links, Server};
use foundations::{identity, start_consensus};
use role::StartsAs;

pub use error::StartError;
pub use settings::{Entrance, RaftDeps, Settings};

/// Starts Raft over opened storage. Returns before the node belongs to a cluster: see
/// [`Raft::bootstrap_state`].
pub async fn start<L, SM, P>(
    settings: Settings,
    deps: RaftDeps,
    storage: Storage<L, SM, P>,
) -> Result<Raft, StartError>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
    SM::SnapshotData: Sync,
    P: SnapshotPort<Data = SM::SnapshotData>,
{
    let (runtime, thread) = match deps.raft_runtime.clone() {
        Some(handle) => (handle, None),
        None => {
            let thread = RaftThread::start(settings.id).map_err(failed)?;
            (thread.handle.clone(), Some(thread))
        }
    };
    let raft = start_here(settings, deps, storage, runtime.clone(), thread);
    runtime.spawn(raft).await.map_err(failed)?
}

fn failed(error: impl std::fmt::Display) -> StartError {
    StartError::Failed(error.to_string())
}

/// Starts Raft on the current runtime, which is `runtime`.
async fn start_here<L, SM, P>(
    settings: Settings,
    deps: RaftDeps,
    storage: Storage<L, SM, P>,
    runtime: Handle,
    thread: Option<RaftThread>,
) -> Result<Raft, StartError>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
    SM::SnapshotData: Sync,
    P: SnapshotPort<Data = SM::SnapshotData>,
{
    let (leadership, leads) = watch::channel(Leadership::default());
    let (applied, applies) = watch::channel(0);
    let (readers, waiting) = read::queue();
    let node = Arc::new(NodeState::new(settings.id, leads, deps.space.clone()));
    let started = ConsensusParts::start(&settings, deps, storage, &runtime, node).await?;
    let (parts, certifier) = started;
    let (clock, successors) = (parts.clock(), parts.successors());
    let (proposer, reads) = (parts.proposer(&clock), parts.reads(&applies, readers));
    let service = parts.service(&proposer, &reads);
    let server = parts.listen(settings.listen, service).await?;
    let mut tasks = vec![
        tokio::spawn(status::follow(parts.consensus.clone(), leadership, applied)),
        tokio::spawn(tasks::serve_readers(reads.clone(), waiting)),
        tokio::spawn(tasks::watch_local_clock(clock.clone(), successors.clone())),
        tokio::spawn(tasks::watch_disk_space(
            parts.node.clone(),
            parts.consensus.clone(),
            successors.clone(),
        )),
        parts.enter_the_cluster(),
        tokio::spawn(worker_origin::renew(
            parts.role,
            parts.local.started_empty,
            parts.deps.quarantine.clone(),
        )),
        tokio::spawn(certifier),
    ];
    let role = parts.watch_role();
    tasks.push(tokio::spawn(role.run()));
    if let Some(exchange) = &parts.exchange {
        tasks.push(tokio::spawn(exchange.clone().run(parts.links.clone())));
    }
    let address = server.address();
    let successions = Successions::new(parts.deps.keys.clone(), parts.deps.quarantine.clone());
    let running = Running {
        server,
        tasks,
        runtime,
        thread,
    };
    Ok(Raft::new(Inner {
        node: parts.node,
        consensus: parts.consensus,
        members: parts.local.members.clone(),
        links: parts.links,
        clock,
        successors,
        proposer,
        reads,
        applied: applies,
        address,
        running: Mutex::new(Some(running)),
        gate: parts.gate,
        successions,
        runs_as_voter: parts.role == StartsAs::Voter,
        exchange: parts.exchange,
    }))
}

/// The parts that are needed to build the others.
struct ConsensusParts {
    node: Arc<NodeState>,
    deps: RaftDeps,
    local: Arc<LocalMember>,
    /// None when this node joins as a worker.
    founder: Option<Arc<Founder>>,
    consensus: Arc<dyn Consensus>,
    links: Links,
    clocks: Arc<Clocks>,
    versions: Arc<Versions>,
    authority: Arc<Authority>,
    checkpoints: OwnCheckpoints,
    gate: Arc<Gate>,
    descriptors: Arc<DescriptorExchange>,
    role: StartsAs,
    /// None when this node runs as a worker.
    exchange: Option<Arc<Exchange>>,
    entrance: Entrance,
    /// The log has begun.
    initialised: bool,
}

impl ConsensusParts {
    /// Starts consensus. Other nodes reach it only once this node listens. The future certifies
    /// this node's snapshots.
    async fn start<L, SM, P>(
        settings: &Settings,
        deps: RaftDeps,
        storage: Storage<L, SM, P>,
        runtime: &Handle,
        node: Arc<NodeState>,
    ) -> Result<(Self, BoxFuture<'static, ()>), StartError>
    where
        L: RaftLogStorage<TypeConfig>,
        SM: RaftStateMachine<TypeConfig>,
        SM::SnapshotData: Sync,
        P: SnapshotPort<Data = SM::SnapshotData>,
    {
        // Before the disk is touched: an impossible timing leaves nothing behind.
        let founders = settings.peers.keys().copied().collect();
        settings.openraft_config(&founders)?;
        let (local, initialised) = local_member::local_member(settings, &deps, &storage)?;
        let local = Arc::new(local);
        let (mut log, mut state_machine) = (storage.log, storage.state_machine);
        let (role, membership) =
            local_member::role(&local, settings, &mut log, &mut state_machine).await?;
        let gate = quarantine::gate(settings, &deps, &local, role, &membership, &mut log).await?;
        let founder = settings.entrance.terms().map(|terms| {
            let local = local.clone();
            Arc::new(Founder { local, terms })
        });
        let entrance = settings.entrance.clone();
        let identity = identity(settings.id, &deps, &entrance, &local);
        let links = Links::new(identity, deps.transport.clone(), runtime.clone());
        let links = links.map_err(failed)?;
        let (members, on) = (local.members.clone(), runtime.clone());
        let descriptors = Arc::new(DescriptorExchange::new(members, links.clone(), on));
        let clocks = Arc::new(Clocks::new());
        let versions = Arc::<Versions>::default();
        let times = Arc::new(EntryTimes::new(settings.id, deps.wall.clone()));
        let authority = Arc::new(Authority {
            me: settings.id,
            runs_as_voter: role == StartsAs::Voter,
            members: local.members.clone(),
            descriptors: descriptors.clone(),
            times: times.clone(),
            stamp: deps.stamp.clone(),
            gate: gate.clone(),
            refused_leader: RefusedLeader::default(),
            configuration: NewestConfiguration::default(),
        });
        let port = Arc::new(storage.snapshots);
        let checkpoints = OwnCheckpoints {
            keys: deps.keys.clone(),
            members: local.members.clone(),
            recent: port.checkpoints(),
        };
        // Before entries are applied again from the log.
        checkpoints.recent.set_interval(settings.snapshot_after);
        let network = Network {
            me: settings.id,
            links: links.clone(),
            clocks: clocks.clone(),
            sink: deps.sink.clone(),
            versions: versions.clone(),
            port: port.clone(),
            rules: authority.clone(),
            gate: gate.clone(),
        };
        let (inner, of_state) = (state_machine, deps.applied_time.clone());
        let dated = Dated::over(inner, &mut log, times.clone(), deps.stamp.clone(), of_state);
        let dated = dated.await.map_err(failed)?;
        let voters = local.members.chain().map(|chain| chain.newest_ids());
        let config = settings.openraft_config(&voters.unwrap_or(founders))?;
        let consensus = start_consensus(config, network, log, dated).await?;
        let exchange = quarantine::exchange(&deps, &local, role, &authority, &consensus)?;
        let _ = local.members.consensus.set(consensus.clone());
        let certifier = Certifier {
            me: settings.id,
            own: checkpoints.clone(),
            consensus: consensus.clone(),
            links: links.clone(),
            port,
        };
        let parts = Self {
            node,
            deps,
            local,
            founder,
            consensus,
            links,
            clocks,
            versions,
            authority,
            checkpoints,
            gate,
            descriptors,
            role,
            exchange,
            entrance,
            initialised,
        };
        Ok((parts, Box::pin(certifier.run())))
    }

    fn watch_role(&self) -> RoleWatch {
        RoleWatch {
            local: self.local.clone(),
            descriptors: self.descriptors.clone(),
            runs_as_voter: self.role == StartsAs::Voter,
        }
    }

    fn clock(&self) -> Arc<LogClock> {
        Arc::new(LogClock {
            node: self.node.clone(),
            consensus: self.consensus.clone(),
            clocks: self.clocks.clone(),
            wall: self.deps.wall.clone(),
            times: self.authority.times.clone(),
            alarms: Seldom::default(),
        })
    }

    fn successors(&self) -> Arc<OtherVoters> {
        Arc::new(OtherVoters {
            me: self.node.id,
            consensus: self.consensus.clone(),
            links: self.links.clone(),
        })
    }

    fn proposer(&self, clock: &Arc<LogClock>) -> Arc<Proposer> {
        Arc::new(Proposer {
            node: self.node.clone(),
            consensus: self.consensus.clone(),
            members: self.local.members.clone(),
            links: self.links.clone(),
            clock: clock.clone(),
            stamp: self.deps.stamp.clone(),
            versions: self.versions.clone(),
            applied_version: self.deps.applied_version.clone(),
        })
    }

    fn reads(&self, applied: &watch::Receiver<u64>, readers: mpsc::Sender<Reader>) -> Arc<Reads> {
        Arc::new(Reads {
            node: self.node.clone(),
            consensus: self.consensus.clone(),
            members: self.local.members.clone(),
            links: self.links.clone(),
            applied: applied.clone(),
            readers,
            gate: self.gate.clone(),
        })
    }

    fn service(&self, proposer: &Arc<Proposer>, reads: &Arc<Reads>) -> NodeService {
        let admissions = Admissions {
            node: self.node.clone(),
            consensus: self.consensus.clone(),
            members: self.local.members.clone(),
            links: self.links.clone(),
            proposer: proposer.clone(),
            gate: self.deps.gate.clone(),
        };
        NodeService {
            node: self.node.clone(),
            local: self.local.clone(),
            founder: self.founder.clone(),
            consensus: self.consensus.clone(),
            proposer: proposer.clone(),
            reads: reads.clone(),
            admissions: Arc::new(admissions),
            wall: self.deps.wall.clone(),
            report: self.deps.report.clone(),
            app: self.deps.app.clone(),
            app_runtime: self.deps.app_runtime.clone(),
            authority: self.authority.clone(),
            checkpoints: self.checkpoints.clone(),
            descriptors: self.descriptors.clone(),
            exchange: self.exchange.clone(),
            gate: self.gate.clone(),
            denials: Seldom::default(),
        }
    }

    async fn listen(&self, address: String, service: NodeService) -> Result<Server, StartError> {
        let identity = identity(self.node.id, &self.deps, &self.entrance, &self.local);
        let transport = &*self.deps.transport;
        Server::start(identity, transport, address.clone(), Arc::new(service))
            .await
            .map_err(|source| {
                let is_own = address == self.local.me.link;
                let flag = if is_own {
                    ListenFlag::Peers
                } else {
                    ListenFlag::Listen
                };
                let failed = ListenError {
                    flag,
                    address,
                    source,
                };
                failed.into()
            })
    }

    /// Bootstraps the cluster with the other founders, or joins it as a worker. A node that was
    /// promoted is in its cluster already.
    fn enter_the_cluster(&self) -> JoinHandle<()> {
        let initialised = self.initialised;
        let (local, links) = (self.local.clone(), self.links.clone());
        match (&self.entrance, self.founder.clone()) {
            (_, Some(founder)) => {
                tokio::spawn(founder.run(links, self.consensus.clone(), initialised))
            }
            (Entrance::Join(_), None) if self.role == StartsAs::Voter => tokio::spawn(async {}),
            (Entrance::Join(pass), None) => {
                let pass = pass.clone();
                tokio::spawn(Joiner { local, links, pass }.run(initialised))
            }
            (Entrance::Found { .. }, None) => unreachable!("a founder has a part in the bootstrap"),
        }
    }
}
