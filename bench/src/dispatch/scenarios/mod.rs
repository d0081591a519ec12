//! The scenarios, each on its own nodes, and their figures.

mod calibration;
mod closed;
mod leader_changes;
mod open;
mod paper_table;
mod saturated;
mod with_neighbour;

use std::sync::Arc;

use super::arguments::Arguments;
use super::open_loop::{Pooled, RunResult};
use super::oracle::Server;
use super::overhead::Overhead;
use super::sizes::Sizes;
use super::testbed::PlacementSettings;
use crate::document::Document;
use crate::figure::Figure;
use crate::rounding::round;
use cameo_chaos::workload::Work;

/// Millicores of the workers.
const WORKERS: [u32; 4] = [600, 300, 300, 150];
/// Users whose clients run the jobs of an open loop.
const USERS: usize = 12;
/// Load of an open loop as a share of all quotas.
const LOAD: f64 = 0.70;
/// Scenarios that need the cost of jobs, for the arrival rate or for the ideal.
const CALIBRATED: [&str; 5] = ["closed", "open", "neighbour", "leader", "baselines"];
/// Kinds of jobs, equally likely, with sizes evenly spaced on a logarithmic scale.
const KINDS: usize = 10;
const SMALLEST: f64 = 300e3;
const LARGEST: f64 = 6e6;

/// Inputs and results of all scenarios.
pub struct Scenarios<'a> {
    only: Option<String>,
    seed: u64,
    sizes: Sizes,
    works: Vec<Arc<Work>>,
    /// Mean CPU seconds of a job, including its transfers.
    mean_work: f64,
    overhead: Overhead,
    /// Counts over all scenarios of ours.
    leader_jobs: usize,
    failed_jobs: usize,
    all_jobs: usize,
    document: &'a mut Document,
}

impl<'a> Scenarios<'a> {
    /// Creates the inputs of all jobs.
    pub fn new(arguments: &Arguments, document: &'a mut Document) -> anyhow::Result<Self> {
        let works = (0..KINDS).map(|kind| {
            let step = kind as f64 / (KINDS - 1) as f64;
            let bytes = SMALLEST * (LARGEST / SMALLEST).powf(step);
            Ok(Arc::new(Work::of_payload(bytes as usize, kind as u64)?))
        });
        Ok(Self {
            only: arguments.only.clone(),
            seed: arguments.seed,
            sizes: Sizes::of(arguments),
            works: works.collect::<anyhow::Result<_>>()?,
            mean_work: 0.0,
            overhead: Overhead::default(),
            leader_jobs: 0,
            failed_jobs: 0,
            all_jobs: 0,
            document,
        })
    }

    /// Runs the selected scenarios. Fails when a node does not behave as it should.
    pub async fn run(mut self) -> anyhow::Result<()> {
        if CALIBRATED.iter().any(|scenario| self.is_selected(scenario)) {
            self.calibrate().await?;
        }
        if self.announce_if_selected("table") {
            self.paper_table().await?;
        }
        if self.announce_if_selected("closed") {
            self.closed().await?;
        }
        if self.announce_if_selected("open") {
            self.open().await?;
        }
        if self.announce_if_selected("neighbour") {
            self.with_neighbour("", PlacementSettings::OURS).await?;
        }
        if self.announce_if_selected("leader") {
            self.with_leader_changes("", PlacementSettings::OURS)
                .await?;
        }
        if self.announce_if_selected("baselines") {
            self.baselines().await?;
        }
        if self.announce_if_selected("saturated") {
            self.saturated().await?;
        }
        let (leaders, failed, n) = (self.leader_jobs, self.failed_jobs, self.all_jobs);
        if n > 0 {
            let note = "run by the leader itself, in all scenarios of ours";
            self.add(Figure::new(
                "leader_image_jobs",
                leaders as f64,
                "jobs",
                n,
                note,
            ));
            let note = "in all scenarios of ours; not included in ratios";
            self.add(Figure::new("failed_jobs", failed as f64, "jobs", n, note));
        }
        Ok(())
    }

    fn count(&mut self, result: &RunResult) {
        self.leader_jobs += result.by_leader;
        self.failed_jobs += result.failed.len();
        self.all_jobs += result.done.len() + result.failed.len();
    }

    fn announce_if_selected(&self, scenario: &str) -> bool {
        let wanted = self.is_selected(scenario);
        if wanted {
            eprintln!("scenario: {scenario}");
        }
        wanted
    }

    fn is_selected(&self, scenario: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| scenario.contains(only))
    }

    fn add(&mut self, figure: Figure) {
        self.document.figures.push(figure);
    }

    /// Jobs per second in an open loop.
    fn rate(&self) -> f64 {
        LOAD * cores(WORKERS.iter().sum()) / self.mean_work
    }

    /// The workers for the oracle: without any work besides jobs and running a node.
    fn servers(&self) -> Vec<Server> {
        let server = |quota: u32| Server {
            cores: cores(quota) - self.overhead.idle_cores,
            neighbour: Vec::new(),
        };
        WORKERS.map(server).to_vec()
    }

    fn compare(&mut self, baseline: &str, scenario: &str, pooled: &Pooled, note: &str) {
        let prefix = if baseline.is_empty() {
            String::new()
        } else {
            format!("{baseline}_")
        };
        let (ours, oracle_latencies) = (pooled.ours(), pooled.oracle_latencies());
        let failed = match pooled.failed {
            0 => String::new(),
            failed => format!("; {failed} jobs failed and are not counted"),
        };
        let figures = [
            (
                "p99",
                ours.percentile(99.0),
                oracle_latencies.percentile(99.0),
            ),
            ("mean", ours.mean(), oracle_latencies.mean()),
        ];
        for (what, ours_s, oracles_s) in figures {
            let note = format!(
                "{} s, the oracle {} s; {note}{failed}",
                round(ours_s),
                round(oracles_s)
            );
            let name = format!("{prefix}{scenario}_{what}_vs_oracle");
            self.add(Figure::new(name, ours_s / oracles_s, "x", ours.len(), note));
        }
    }
}

fn cores(millicores: u32) -> f64 {
    f64::from(millicores) / 1000.0
}
