//! Parts of a node that are built before Raft starts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::deferred_rpc::DeferredRpc;
use super::load_reports::Reports;
use super::start_error::StartError;
use super::worker_trust::WorkerTrust;
use crate::config::Config;
use crate::host::clock::{SystemClock, WallClock};
use crate::host::rng::NodeRng;
use crate::jobs::worker::output::DOWNLOAD_DEADLINE;
use crate::jobs::{
    Codec, DecisionLog, Dispatcher, Reporter, Worker, WorkerSettings, available_millicores,
};
use crate::link::{ClusterSecret, NodeKeys, TcpTransport};
use crate::raft::{RaftDeps, Stamper};

/// The parts of a node that are built before Raft starts.
pub(super) struct PreRaftParts {
    pub keys: Arc<NodeKeys>,
    pub secret: Arc<ClusterSecret>,
    pub rng: NodeRng,
    pub clock: Arc<dyn WallClock>,
    pub trust: Arc<WorkerTrust>,
    pub rpc: Arc<DeferredRpc>,
    pub worker: Worker,
    pub reporter: Arc<Reporter>,
    pub dispatcher: Arc<Dispatcher>,
    pub decisions: Option<Arc<DecisionLog>>,
}

impl PreRaftParts {
    pub(super) fn build(config: &Config, secret: Arc<ClusterSecret>) -> Result<Self, StartError> {
        let system = |error: &dyn fmt::Display| StartError::System(error.to_string());
        let keys = Arc::new(NodeKeys::load_or_create(&config.data.join("node.key"))?);
        let rng = NodeRng::of_system().map_err(|error| system(&error))?;
        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        let trust = Arc::new(WorkerTrust::new(clock.clone()));
        let worker_settings = WorkerSettings {
            node: config.id,
            incarnation: rng.number(),
            heartbeat: config.heartbeat,
            millicores: available_millicores(),
            memory: config.job_memory,
            download_deadline: DOWNLOAD_DEADLINE,
        };
        let worker = Worker::start(worker_settings, Arc::new(Codec), trust.clone())
            .map_err(|error| system(&error))?;
        let reporter = Arc::new(Reporter::start(&worker).map_err(|error| system(&error))?);
        let decisions = decision_log(config, &clock)?;
        let dispatcher = dispatcher(config, &keys, reporter.clone(), decisions.clone());
        Ok(Self {
            keys,
            secret,
            rng,
            clock,
            trust,
            rpc: Arc::default(),
            worker,
            reporter,
            dispatcher: Arc::new(dispatcher),
            decisions,
        })
    }

    pub(super) fn raft_deps(&self) -> RaftDeps {
        RaftDeps {
            keys: self.keys.clone(),
            secret: self.secret.clone(),
            transport: TcpTransport::shared(),
            wall: self.clock.clone(),
            stamp: Arc::new(Stamper),
            report: self.reporter.clone(),
            sink: Arc::new(Reports(self.dispatcher.clone())),
            app: self.rpc.clone(),
            app_runtime: tokio::runtime::Handle::current(),
            raft_runtime: None,
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
