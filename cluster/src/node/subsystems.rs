//! Subsystems of a node that are built before Raft starts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::deferred::{DeferredRpc, Reports, WorkerTrust};
use super::start_error::StartError;
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
pub(super) struct Subsystems {
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

impl Subsystems {
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
        let reporting = reporter.clone();
        let decisions = decision_log(config, &clock)?;
        let dispatcher = Dispatcher::new(
            config.id,
            Arc::new(keys.signing_key()),
            move || reporting.report(),
            config.heartbeat,
        );
        #[cfg(feature = "baselines")]
        let dispatcher =
            dispatcher.with_baseline(config.baseline.policy, config.baseline.reports_every);
        let dispatcher = match decisions.clone() {
            Some(log) => dispatcher.on_decision(move |decision| log.record(decision)),
            None => dispatcher,
        };
        let dispatcher = Arc::new(dispatcher);
        Ok(Self {
            keys,
            secret,
            rng,
            clock,
            trust,
            rpc: Arc::default(),
            worker,
            reporter,
            dispatcher,
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

fn decision_log(
    config: &Config,
    clock: &Arc<dyn WallClock>,
) -> Result<Option<Arc<DecisionLog>>, StartError> {
    let open = |path: &PathBuf| DecisionLog::open(path, config.id, clock.clone());
    let log = config.decisions.as_ref().map(open).transpose()?;
    Ok(log.map(Arc::new))
}
