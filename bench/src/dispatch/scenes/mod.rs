//! The scenes, one after another, each on nodes of its own, and the figures that come of them.

mod calibration;
mod closed;
mod leader_changes;
mod open;
mod papers_table;
mod saturated;
mod with_neighbour;

use std::sync::Arc;

use super::arguments::Arguments;
use super::extent::Extent;
use super::open_loop::{Pooled, Ran};
use super::oracle::Server;
use super::overhead::Overhead;
use super::stage::Placing;
use crate::document::Document;
use crate::figure::{Figure, round};
use cameo_chaos::workload::Work;

/// Millicores of the workers.
const WORKERS: [u32; 4] = [600, 300, 300, 150];
/// Users that bring the jobs of an open loop.
const USERS: usize = 12;
/// Part of the quotas that jobs ask for in an open loop.
const LOAD: f64 = 0.70;
/// Scenes that have to know what a job costs: for the rate at which jobs come, or for the ideal.
const CALIBRATED: [&str; 5] = ["closed", "open", "neighbour", "leader", "rivals"];
/// Kinds of jobs, from the smallest to the largest, each as likely; evenly spaced as logarithms.
const KINDS: usize = 10;
const SMALLEST: f64 = 300e3;
const LARGEST: f64 = 6e6;

/// What is played, with what, and what was found.
pub struct Scenes<'a> {
    only: Option<String>,
    seed: u64,
    extent: Extent,
    works: Vec<Arc<Work>>,
    /// CPU seconds of a job of any kind, with the moving of its bytes.
    mean_work: f64,
    overhead: Overhead,
    /// In all scenes of ours.
    leaders_jobs: usize,
    failed_jobs: usize,
    all_jobs: usize,
    document: &'a mut Document,
}

impl<'a> Scenes<'a> {
    /// Makes the inputs of all jobs.
    ///
    /// # Errors
    /// When an input cannot be made.
    pub fn new(arguments: &Arguments, document: &'a mut Document) -> anyhow::Result<Self> {
        let works = (0..KINDS).map(|kind| {
            let step = kind as f64 / (KINDS - 1) as f64;
            let bytes = SMALLEST * (LARGEST / SMALLEST).powf(step);
            Ok(Arc::new(Work::of_payload(bytes as usize, kind as u64)?))
        });
        Ok(Self {
            only: arguments.only.clone(),
            seed: arguments.seed,
            extent: Extent::of(arguments),
            works: works.collect::<anyhow::Result<_>>()?,
            mean_work: 0.0,
            overhead: Overhead::default(),
            leaders_jobs: 0,
            failed_jobs: 0,
            all_jobs: 0,
            document,
        })
    }

    /// All of them.
    ///
    /// # Errors
    /// When nodes do not do what they should.
    pub async fn play(mut self) -> anyhow::Result<()> {
        if CALIBRATED.iter().any(|scene| self.plays(scene)) {
            self.calibrate().await?;
        }
        if self.wanted("table") {
            self.papers_table().await?;
        }
        if self.wanted("closed") {
            self.closed().await?;
        }
        if self.wanted("open") {
            self.open().await?;
        }
        if self.wanted("neighbour") {
            self.with_neighbour("", Placing::OURS).await?;
        }
        if self.wanted("leader") {
            self.with_leader_changes("", Placing::OURS).await?;
        }
        if self.wanted("rivals") {
            self.rivals().await?;
        }
        if self.wanted("saturated") {
            self.saturated().await?;
        }
        let (leaders, failed, n) = (self.leaders_jobs, self.failed_jobs, self.all_jobs);
        if n > 0 {
            let note = "done by the leader itself, in all scenes of ours";
            self.add(Figure::new(
                "leader_image_jobs",
                leaders as f64,
                "jobs",
                n,
                note,
            ));
            let note = "in all scenes of ours: such jobs are in no ratio";
            self.add(Figure::new("failed_jobs", failed as f64, "jobs", n, note));
        }
        Ok(())
    }

    fn count(&mut self, ran: &Ran) {
        self.leaders_jobs += ran.by_leader;
        self.failed_jobs += ran.failed.len();
        self.all_jobs += ran.done.len() + ran.failed.len();
    }

    fn wanted(&self, scene: &str) -> bool {
        let wanted = self.plays(scene);
        if wanted {
            eprintln!("scene: {scene}");
        }
        wanted
    }

    fn plays(&self, scene: &str) -> bool {
        self.only.as_deref().is_none_or(|only| scene.contains(only))
    }

    fn add(&mut self, figure: Figure) {
        self.document.figures.push(figure);
    }

    /// Jobs a second in an open loop.
    fn rate(&self) -> f64 {
        LOAD * cores(WORKERS.iter().sum()) / self.mean_work
    }

    /// The workers as an oracle has them: as if nothing was to do but jobs and to be a node.
    fn servers(&self) -> Vec<Server> {
        let server = |quota: u32| Server {
            cores: cores(quota) - self.overhead.idle_cores,
            neighbour: Vec::new(),
        };
        WORKERS.map(server).to_vec()
    }

    fn compare(&mut self, rival: &str, scene: &str, pooled: &Pooled, note: &str) {
        let prefix = if rival.is_empty() {
            String::new()
        } else {
            format!("{rival}_")
        };
        let (ours, oracles) = (pooled.ours(), pooled.oracles());
        let failed = match pooled.failed {
            0 => String::new(),
            failed => format!("; {failed} jobs failed and are not counted"),
        };
        let figures = [
            ("p99", ours.percentile(99.0), oracles.percentile(99.0)),
            ("mean", ours.mean(), oracles.mean()),
        ];
        for (what, ours_s, oracles_s) in figures {
            let note = format!(
                "{} s, the oracle {} s; {note}{failed}",
                round(ours_s),
                round(oracles_s)
            );
            let name = format!("{prefix}{scene}_{what}_vs_oracle");
            self.add(Figure::new(name, ours_s / oracles_s, "x", ours.len(), note));
        }
    }
}

fn cores(millicores: u32) -> f64 {
    f64::from(millicores) / 1000.0
}
