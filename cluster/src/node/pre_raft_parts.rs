//! Parts of a node that are built before Raft starts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::ids::Millis;
use cameo_machine::read;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;

use super::deferred_rpc::DeferredRpc;
use super::host::{Host, JobSlots};
use super::load_reports::Reports;
use super::start_error::StartError;
use super::state_descriptors::StateDescriptors;
use super::worker_gate::TokenGate;
use super::worker_trust::WorkerTrust;
use crate::config::Config;
use crate::floor::FloorMark;
use crate::host::blocking::Blocking;
use crate::host::clock::WallClock;
use crate::host::disk_space::DiskSpace;
use crate::host::rng::NodeRng;
use crate::host::signatures::RememberedSignatures;
use crate::jobs::worker::output::DOWNLOAD_DEADLINE;
use crate::jobs::{
    Codec, DecisionLog, Dispatcher, Reporter, Worker, WorkerSettings, available_millicores,
};
use crate::latency::Latencies;
use crate::link::{NodeKeys, Transport};
use crate::raft::quarantine::QuarantineDisk;
use crate::raft::{AppliedState, RaftDeps, Stamper};

/// The parts of a node that are built before Raft starts.
pub(super) struct PreRaftParts {
    pub keys: Arc<NodeKeys>,
    pub transport: Arc<dyn Transport>,
    pub rng: NodeRng,
    pub clock: Arc<dyn WallClock>,
    pub blocking: Blocking,
    /// Random, of this process.
    pub incarnation: u64,
    pub signatures: Arc<RememberedSignatures>,
    pub latencies: Arc<Latencies>,
    pub trust: Arc<WorkerTrust>,
    pub rpc: Arc<DeferredRpc>,
    pub worker: Worker,
    pub reporter: Arc<Reporter>,
    pub dispatcher: Arc<Dispatcher>,
    pub decisions: Option<Arc<DecisionLog>>,
}

impl PreRaftParts {
    pub(super) fn build(config: &Config, host: Host) -> Result<Self, StartError> {
        let keys = Arc::new(NodeKeys::load_or_create(&config.data.join("node.key"))?);
        let Host {
            transport,
            clock,
            rng,
            blocking,
            signatures,
            latencies,
            ..
        } = host;
        let trust = Arc::new(WorkerTrust::new(clock.clone()));
        let incarnation = rng.number();
        let (worker, reporter) = job_parts(config, incarnation, &trust, &host.jobs)?;
        let reporter = Arc::new(reporter);
        let decisions = decision_log(config, &clock)?;
        let dispatcher = dispatcher(config, &keys, reporter.clone(), decisions.clone());
        Ok(Self {
            keys,
            transport,
            rng,
            clock,
            blocking,
            incarnation,
            signatures,
            latencies,
            trust,
            rpc: Arc::default(),
            worker,
            reporter,
            dispatcher: Arc::new(dispatcher),
            decisions,
        })
    }

    /// TLS of the port for clients.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, StartError> {
        let tls = cameo_tls::server(Arc::new(self.keys.signing_key()), cameo_tls::API_ALPN);
        let tls = tls.map_err(|error| StartError::System(error.to_string()))?;
        Ok(TlsAcceptor::from(Arc::new(tls)))
    }

    pub(super) fn raft_deps(
        &self,
        raft_runtime: Option<Handle>,
        floor: FloorMark,
        quarantine: Arc<dyn QuarantineDisk>,
        space: Arc<DiskSpace>,
        state: Arc<dyn AppliedState>,
    ) -> RaftDeps {
        // Weak: tasks that ask for it may outlive the store, whose files the next start locks.
        let applied = Arc::downgrade(&state);
        let applied_time = move || {
            let state = applied.upgrade();
            state.map_or(Millis::EPOCH, |state| read::log_time(&*state.view()))
        };
        let version = Arc::downgrade(&state);
        let applied_version = move || {
            let state = version.upgrade();
            state.map_or(0, |state| read::entry_version(&*state.view()))
        };
        let descriptors = StateDescriptors(Arc::downgrade(&state));
        let gate = TokenGate {
            state,
            signatures: self.signatures.clone(),
            clock: self.clock.clone(),
        };
        RaftDeps {
            keys: self.keys.clone(),
            transport: self.transport.clone(),
            wall: self.clock.clone(),
            stamp: Arc::new(Stamper),
            applied_time: Arc::new(applied_time),
            applied_version: Arc::new(applied_version),
            applied_descriptors: Arc::new(descriptors),
            gate: Arc::new(gate),
            report: self.reporter.clone(),
            sink: Arc::new(Reports(self.dispatcher.clone())),
            app: self.rpc.clone(),
            app_runtime: tokio::runtime::Handle::current(),
            blocking: self.blocking,
            incarnation: self.incarnation,
            space,
            floor,
            quarantine,
            raft_runtime,
        }
    }
}

fn job_parts(
    config: &Config,
    incarnation: u64,
    trust: &Arc<WorkerTrust>,
    slots: &JobSlots,
) -> Result<(Worker, Reporter), StartError> {
    let system = |error: io::Error| StartError::System(error.to_string());
    let settings = WorkerSettings {
        node: config.id,
        incarnation,
        heartbeat: config.heartbeat,
        millicores: match slots {
            JobSlots::Threads => available_millicores(),
            JobSlots::Simulated { millicores, .. } => *millicores,
        },
        memory: config.job_memory,
        download_deadline: DOWNLOAD_DEADLINE,
    };
    match slots {
        JobSlots::Threads => {
            let worker = Worker::start(settings, Arc::new(Codec), trust.clone()).map_err(system)?;
            let reporter = Reporter::start(&worker).map_err(system)?;
            Ok((worker, reporter))
        }
        JobSlots::Simulated { cost, .. } => {
            let worker = Worker::simulated(settings, Arc::new(Codec), trust.clone(), cost);
            let reporter = Reporter::simulated(&worker);
            Ok((worker, reporter))
        }
    }
}

fn dispatcher(
    config: &Config,
    keys: &NodeKeys,
    reporter: Arc<Reporter>,
    decisions: Option<Arc<DecisionLog>>,
) -> Dispatcher {
    let dispatcher = Dispatcher::new(
        config.id,
        Arc::new(keys.signing_key()),
        move || reporter.report(),
        config.heartbeat,
    );
    #[cfg(feature = "baselines")]
    let dispatcher =
        dispatcher.with_baseline(config.baseline.policy, config.baseline.reports_every);
    match decisions {
        Some(log) => dispatcher.on_decision(move |decision| log.record(decision)),
        None => dispatcher,
    }
}

fn decision_log(
    config: &Config,
    clock: &Arc<dyn WallClock>,
) -> Result<Option<Arc<DecisionLog>>, StartError> {
    let open = |path: &PathBuf| DecisionLog::open(path, config.id, clock.clone());
    let log = config.decisions.as_ref().map(open).transpose()?;
    Ok(log.map(Arc::new))
}
