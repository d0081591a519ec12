//! One seed, from its first step to the last read.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::EPOCH;
use super::cluster::{CLIENTS, Cluster};
use super::faults::{Faults, not_simulated, simulated};
use super::observer::Observer;
use super::port::SimPort;
use super::summary::{Summary, cpu_time};
use super::trace::Trace;
use crate::decisions;
use crate::faults::{Kind, Lane, liars, plan};
use crate::history::{
    self, Begin, FORMAT, FaultArg, Happened, Key, Micros, Op, Operation, Recorder, Row,
};
use crate::laws::judge;
use crate::workload::{Run, Workload, read_all, work};

/// Longest time in which the cluster has to form.
const FORMS_WITHIN: Duration = Duration::from_secs(60);
/// Longest time for clients to come to their end, and for nodes to agree, after the faults.
const HEALS_WITHIN: Duration = Duration::from_secs(120);
/// Longest time for the last reads.
const READS_WITHIN: Duration = Duration::from_secs(240);
/// Longest time for the judge.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);
/// The number of the one who says that all is well.
const DIRECTOR: u64 = 1 << 34;

/// How to simulate.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seed: u64,
    pub nodes: u64,
    /// Time under faults.
    pub whole: Duration,
    pub workloads: Vec<Workload>,
    /// None: all that the simulator has. What was asked for by name and is not had is recorded.
    pub faults: Option<Vec<Kind>>,
    /// A new folder for history and trace.
    pub out: PathBuf,
    /// The command that repeats it.
    pub command: String,
}

impl Settings {
    /// The nodes that lie: none unless lies are asked for.
    fn liars(&self) -> Vec<NodeId> {
        let kinds = self.faults.iter().flatten();
        match kinds.filter(|kind| kind.lane() == Lane::Lies).count() {
            0 => Vec::new(),
            _ => liars(self.seed, self.nodes),
        }
    }
}

/// Why a run is void.
#[derive(Debug, thiserror::Error)]
pub enum RunFailed {
    #[error(transparent)]
    Seeded(#[from] cameo_seeded::NotPossible),
    #[error("{0}")]
    Broken(#[from] anyhow::Error),
    #[error("a task panicked: {0}")]
    Panicked(String),
}

/// How far the clients are. The director advances it, or they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Forming,
    Working,
    Worked,
    Healed,
    Read,
    Failed,
}

/// Simulates one seed. The process does nothing else, before or after.
///
/// # Errors
/// When the run is void. Whether its history is valid is for the laws to say.
pub fn simulate(settings: &Settings) -> Result<Summary, RunFailed> {
    cameo_seeded::seed(settings.seed, EPOCH)?;
    let panics = note_panics();
    // The codec's parallel loops run on this thread too.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread();
    pool.build_global().map_err(anyhow::Error::from)?;
    let folder = std::env::temp_dir().join(format!("cameo-sim-{}", std::process::id()));
    // A process that was killed leaves its folder, and numbers of processes come again.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(anyhow::Error::from)?;
    }
    let directed = Director::new(settings, &folder).and_then(|director| director.direct());
    // Left to the system's own cleaning if it cannot be removed.
    let _ = std::fs::remove_dir_all(&folder);
    if let Some(panic) = panics.lock().take() {
        return Err(RunFailed::Panicked(panic));
    }
    Ok(directed?)
}

/// Remembers the first panic: tokio would swallow those of tasks.
fn note_panics() -> Arc<Mutex<Option<String>>> {
    let first = Arc::new(Mutex::new(None));
    let noted = first.clone();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        noted.lock().get_or_insert(panic.to_string());
        report(panic);
    }));
    first
}

struct Director<'a> {
    settings: &'a Settings,
    cluster: Cluster,
    observer: Observer,
    recorder: Recorder,
    phase: watch::Sender<Phase>,
    /// Once all have ended.
    ended_faults: Option<Faults>,
}

impl<'a> Director<'a> {
    fn new(settings: &'a Settings, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.out)?;
        let recorder = Recorder::create(&settings.out.join("history.jsonl"))?;
        let trace = Trace::create(&settings.out.join("trace.txt"))?;
        let liars = settings.liars();
        let workloads = settings.workloads.iter();
        let workloads = workloads.map(|workload| workload.name().to_owned());
        recorder.record(&Row {
            client: DIRECTOR,
            key: Key(String::new()),
            op: Op::Begin(Operation {
                arg: Begin {
                    format: FORMAT,
                    target: "sim".to_owned(),
                    seed: settings.seed,
                    nodes: settings.nodes,
                    started: Millis(EPOCH * 1000),
                    workloads: workloads.collect(),
                    command: settings.command.clone(),
                    liars: liars.clone(),
                },
                out: Some(Happened {}),
            }),
            call: Micros(0),
            ret: Some(Micros(0)),
        });
        let folder = folder.to_owned();
        let Settings { seed, nodes, .. } = *settings;
        let out = settings.out.clone();
        let mut cluster = Cluster::new(seed, nodes, folder, out, trace, &liars)?;
        let phase = watch::Sender::new(Phase::Forming);
        let network = cluster.network(CLIENTS);
        let lies = cluster.lies.clone();
        let port = SimPort::new(cluster.founders().to_vec(), network, lies);
        let Settings { seed, whole, .. } = *settings;
        let work = (seed, whole, settings.workloads.clone());
        let clients = clients(work, port, recorder.clone(), phase.clone());
        cluster.sim.client(CLIENTS, async move {
            clients.await;
            Ok(())
        });
        Ok(Self {
            settings,
            cluster,
            observer: Observer::new(recorder.clone()),
            recorder,
            phase,
            ended_faults: None,
        })
    }

    fn direct(mut self) -> anyhow::Result<Summary> {
        self.until("form", FORMS_WITHIN, |this| this.phase() >= Phase::Working)?;
        let mut faults = self.faults();
        let end = self.now() + self.settings.whole;
        while self.now() < end {
            faults.step(&mut self.cluster)?;
            self.step()?;
        }
        let call = self.now();
        faults.end_all(&mut self.cluster);
        self.cluster.heal();
        self.cluster.tell("the faults are over");
        self.ended_faults = Some(faults);
        let healed = self.until("heal", HEALS_WITHIN, |this| {
            this.phase() >= Phase::Worked && this.cluster.agrees()
        });
        self.observer.observe_all(&self.cluster);
        if healed.is_ok() {
            self.record_healed(call);
            self.phase.send_replace(Phase::Healed);
            self.until("be read", READS_WITHIN, |this| this.phase() >= Phase::Read)?;
            self.until("agree again", HEALS_WITHIN, |this| this.cluster.agrees())?;
            self.observer.observe_all(&self.cluster);
        }
        self.recorder.flush()?;
        self.cluster.trace.flush()?;
        let (trace, events) = self.cluster.trace.so_far();
        let cpu = cpu_time()?;
        let path = self.settings.out.join("history.jsonl");
        let history = history::read(BufReader::new(File::open(path)?))?;
        let mut judged = judge(&history, JUDGED_WITHIN);
        decisions::add_to(&mut judged, &history, &self.settings.out)?;
        let text = judged.text(&history);
        std::fs::write(self.settings.out.join("verdict.txt"), text)?;
        let mut summary = Summary::of(self.settings.seed, &history);
        summary.simulated_ms = self.now().as_millis() as u64;
        summary.cpu_ms = cpu.as_millis() as u64;
        (summary.trace, summary.events) = (trace, events);
        summary.verdict = judged.outcome().name().to_owned();
        summary.broken = judged.broken().iter().map(ToString::to_string).collect();
        Ok(summary)
    }

    fn now(&self) -> Duration {
        self.cluster.sim.elapsed()
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn step(&mut self) -> anyhow::Result<()> {
        self.cluster.step()?;
        let quarantined = self.cluster.wrongly_quarantined();
        anyhow::ensure!(
            quarantined.is_none(),
            "node {quarantined:?} is quarantined, and nobody has put an old folder back"
        );
        self.observer.step(&self.cluster);
        if let Some(faults) = &self.ended_faults {
            faults.start_failed(&mut self.cluster)?;
        }
        Ok(())
    }

    /// Steps until something is so.
    fn until(
        &mut self,
        what: &str,
        within: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let end = self.now() + within;
        while !is_so(self) {
            anyhow::ensure!(
                self.phase() != Phase::Failed,
                "the clients found no cluster"
            );
            anyhow::ensure!(self.now() < end, "the cluster did not {what} in {within:?}");
            self.step()?;
        }
        Ok(())
    }

    /// The planned faults, with a row for each kind that was asked for and cannot be had.
    fn faults(&self) -> Faults {
        let kinds = match &self.settings.faults {
            None => simulated(),
            Some(kinds) => {
                for kind in kinds {
                    if let Some(why) = not_simulated(*kind) {
                        self.record_skipped(*kind, why);
                    }
                }
                let had = simulated();
                kinds
                    .iter()
                    .copied()
                    .filter(|kind| had.contains(kind) || kind.has_to_be_asked_for())
                    .collect()
            }
        };
        let Settings {
            seed, nodes, whole, ..
        } = *self.settings;
        let planned = plan(seed, whole, nodes, &kinds);
        Faults::new(self.recorder.clone(), self.now(), planned)
    }

    fn record_skipped(&self, kind: Kind, why: &str) {
        let now = Micros(self.now().as_micros() as u64);
        self.recorder.record(&Row {
            client: DIRECTOR,
            key: Key(String::new()),
            op: Op::Skipped(Operation {
                arg: FaultArg {
                    kind: kind.name().to_owned(),
                    on: String::new(),
                },
                out: Some(why.to_owned()),
            }),
            call: now,
            ret: Some(now),
        });
    }

    fn record_healed(&self, call: Duration) {
        self.cluster.tell("healed");
        self.recorder.record(&Row {
            client: DIRECTOR,
            key: Key(String::new()),
            op: Op::Healed(Operation {
                arg: (),
                out: Some(Happened {}),
            }),
            call: Micros(call.as_micros() as u64),
            ret: Some(Micros(self.now().as_micros() as u64)),
        });
    }
}

/// All clients: they work, wait until the cluster has healed, and read everything once more.
async fn clients(
    work_of: (u64, Duration, Vec<Workload>),
    port: SimPort,
    recorder: Recorder,
    phase: watch::Sender<Phase>,
) {
    let (seed, whole, workloads) = work_of;
    let Ok(run) = Run::begin(Arc::new(port), recorder, seed).await else {
        phase.send_replace(Phase::Failed);
        return;
    };
    phase.send_replace(Phase::Working);
    let made = work(&run, &workloads, Instant::now() + whole).await;
    phase.send_replace(Phase::Worked);
    let mut healed = phase.subscribe();
    // The sender is in this function.
    let _ = healed.wait_for(|phase| *phase >= Phase::Healed).await;
    read_all(&run, &made).await;
    phase.send_replace(Phase::Read);
}
