//! The scenes, one after another, each on nodes of its own, and the figures that come of them.

use std::sync::Arc;
use std::time::Duration;

use cameo_dispatch::Policy;
use tokio::time::Instant;

use super::arguments::Arguments;
use super::extent::Extent;
use super::neighbour::{BUSY, EVERY, Neighbour};
use super::open_loop::{self, Load, Pooled, Ran};
use super::stage::{Placing, Stage};
use super::{closed_loop, plan};
use crate::bench::document::Document;
use crate::bench::figure::{Figure, round};
use crate::load::Work;

/// Millicores of the workers.
const WORKERS: [u32; 4] = [600, 300, 300, 150];
/// Of the paper's table.
const EQUAL: [u32; 3] = [300, 300, 300];
const TABLE_CLIENTS: usize = 3;
/// Users that bring the jobs of an open loop.
const USERS: usize = 12;
/// Part of the quotas that jobs ask for in an open loop.
const LOAD: f64 = 0.70;
/// Kinds of jobs, from the smallest to the largest, each as likely; evenly spaced as logarithms.
const KINDS: usize = 10;
const SMALLEST: f64 = 240e3;
const LARGEST: f64 = 6e6;
/// How often each kind is done to learn what it costs.
const CALIBRATIONS: usize = 3;
/// Between two changes of leader.
const LEADS_FOR: Duration = Duration::from_secs(12);
/// What comes earlier after a change is not counted: the issue is how placement is by then.
const SETTLED: f64 = 3.0;
/// The paper exchanges loads this often.
const PAPERS_REPORTS: Duration = Duration::from_secs(10);

/// Rivals by the name of their figures.
const RIVALS: [(&str, Policy, Duration); 6] = [
    ("all_to_one", Policy::One, Duration::ZERO),
    ("random", Policy::Random, Duration::ZERO),
    ("round_robin", Policy::RoundRobin, Duration::ZERO),
    ("least_cpu", Policy::LeastCpu, Duration::ZERO),
    ("least_cpu_10s", Policy::LeastCpu, PAPERS_REPORTS),
    ("two_choices", Policy::TwoChoices, Duration::ZERO),
];

/// What is played, with what, and what was found.
pub struct Scenes<'a> {
    only: Option<String>,
    seed: u64,
    extent: Extent,
    works: Vec<Arc<Work>>,
    /// CPU seconds of a job of any kind.
    mean_cpu: f64,
    leaders_jobs: usize,
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
            mean_cpu: 0.0,
            leaders_jobs: 0,
            document,
        })
    }

    /// All of them.
    ///
    /// # Errors
    /// When nodes do not do what they should.
    pub async fn play(mut self) -> anyhow::Result<()> {
        self.calibrate().await?;
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
        let leaders = self.leaders_jobs as f64;
        let note = "jobs that the leader did itself in all scenes of ours";
        self.add(Figure::new("leader_image_jobs", leaders, "jobs", 1, note));
        Ok(())
    }

    fn wanted(&self, scene: &str) -> bool {
        let wanted = self.only.as_deref().is_none_or(|only| scene.contains(only));
        if wanted {
            eprintln!("scene: {scene}");
        }
        wanted
    }

    fn add(&mut self, figure: Figure) {
        self.document.figures.push(figure);
    }

    /// Does each kind a few times, alone, to know the rate that is 70% of what there is.
    async fn calibrate(&mut self) -> anyhow::Result<()> {
        let stage = Stage::start(&WORKERS, USERS, Placing::OURS).await?;
        let mut costs = Vec::new();
        for work in self.works.clone() {
            let ran = closed_loop::run(&stage, &[work], 1, CALIBRATIONS, self.seed).await?;
            costs.push(ran.work() / ran.done.len() as f64);
        }
        stage.end().await?;
        self.mean_cpu = costs.iter().sum::<f64>() / costs.len() as f64;
        let (least, most) = (costs[0] * 1e3, costs[KINDS - 1] * 1e3);
        let note = format!(
            "{KINDS} kinds from {} to {} ms of CPU, payloads of {} to {} kB",
            round(least),
            round(most),
            SMALLEST / 1e3,
            LARGEST / 1e3
        );
        let figure = Figure::new("job_cpu_ms", self.mean_cpu * 1e3, "ms", costs.len(), note);
        self.add(figure);
        self.add(Figure::new("job_sizes_span", most / least, "x", costs.len(), ""));
        Ok(())
    }

    /// The paper's table: everything to one server, and ours.
    async fn papers_table(&mut self) -> anyhow::Result<()> {
        let one = Placing {
            policy: Policy::One,
            ..Placing::OURS
        };
        let mut means = Vec::new();
        for placing in [one, Placing::OURS] {
            let stage = Stage::start(&EQUAL, TABLE_CLIENTS, placing).await?;
            let each = self.extent.table_each;
            let ran =
                closed_loop::run(&stage, &self.works, TABLE_CLIENTS, each, self.seed).await?;
            stage.end().await?;
            if placing == Placing::OURS {
                self.leaders_jobs += ran.by_leader;
            }
            means.push(ran.times().iter().sum::<f64>() / ran.done.len() as f64);
        }
        let n = TABLE_CLIENTS * self.extent.table_each;
        let note = format!("{TABLE_CLIENTS} clients, three workers of .3 core; the paper: .69");
        let ratio = means[1] / means[0];
        self.add(Figure::new("balanced_vs_unbalanced", ratio, "x", n, note));
        for (name, mean) in ["unbalanced", "balanced"].into_iter().zip(means) {
            let name = format!("seconds_per_request_{name}");
            self.add(Figure::new(name, mean, "s", n, "mean"));
        }
        Ok(())
    }

    async fn closed(&mut self) -> anyhow::Result<()> {
        let (clients, each) = (self.extent.closed_clients, self.extent.closed_each);
        let stage = Stage::start(&WORKERS, clients, Placing::OURS).await?;
        let ran = closed_loop::run(&stage, &self.works, clients, each, self.seed).await?;
        stage.end().await?;
        self.leaders_jobs += ran.by_leader;
        let quotas = f64::from(WORKERS.iter().sum::<u32>()) / 1000.0;
        let left: f64 = ran.servers.values().map(|server| server.cores).sum();
        let ideal = ran.work() / quotas;
        let note = format!(
            "{clients} clients x {each} jobs in {} s; of {quotas} cores the nodes themselves used {}: against what was \
             left for jobs {}x",
            round(ran.span),
            round(quotas - left),
            round(ran.span * left / ran.work())
        );
        let n = ran.done.len();
        self.add(Figure::new("makespan_vs_ideal", ran.span / ideal, "x", n, note));
        Ok(())
    }

    fn rate(&self) -> f64 {
        let quotas = f64::from(WORKERS.iter().sum::<u32>()) / 1000.0;
        LOAD * quotas / self.mean_cpu
    }

    async fn open(&mut self) -> anyhow::Result<()> {
        let mut pooled = Pooled::default();
        for run in 0..self.extent.open_runs {
            eprintln!("  run {}", run + 1);
            let ran = self.open_run(Placing::OURS, self.extent.open_jobs, run).await?;
            self.leaders_jobs += ran.by_leader;
            pooled.add(&ran);
        }
        self.compare("", "open", &pooled, &format!("{} runs", self.extent.open_runs));
        Ok(())
    }

    async fn open_run(&self, placing: Placing, jobs: usize, run: usize) -> anyhow::Result<Ran> {
        let stage = Stage::start(&WORKERS, USERS, placing).await?;
        let plan = plan::poisson(self.seed + run as u64, jobs, KINDS, self.rate());
        let ran = open_loop::run(&stage, &self.works, &plan).await?;
        stage.end().await?;
        Ok(ran)
    }

    async fn rivals(&mut self) -> anyhow::Result<()> {
        for (name, policy, reports_every) in RIVALS {
            eprintln!("  {name}");
            let placing = Placing {
                policy,
                reports_every,
            };
            let ran = self.open_run(placing, self.extent.rival_jobs, 0).await?;
            let mut pooled = Pooled::default();
            pooled.add(&ran);
            self.compare(name, "open", &pooled, "1 run");
            if self.extent.rivals_everywhere {
                self.with_neighbour(name, placing).await?;
                self.with_leader_changes(name, placing).await?;
            }
        }
        Ok(())
    }

    /// A hidden neighbour takes most of one worker for a third of the time.
    async fn with_neighbour(&mut self, rival: &str, placing: Placing) -> anyhow::Result<()> {
        let stage = Stage::start(&WORKERS, USERS, placing).await?;
        let plan = plan::poisson(self.seed, self.extent.open_jobs, KINDS, self.rate());
        let hit = stage.quotas.iter().find(|(_, quota)| **quota == WORKERS[1]);
        let hit = hit.map_or(0, |(node, _)| *node);
        let folder = tempfile::tempdir()?;
        let neighbour = Neighbour::move_in(stage.group(hit)?, folder.path()).await?;
        let began = Instant::now();
        let until = began + plan.last().map_or(Duration::ZERO, |arrival| arrival.at);
        let (ran, busy) = tokio::join!(
            open_loop::run(&stage, &self.works, &plan),
            neighbour.come_and_go(began, until)
        );
        let (mut ran, busy) = (ran?, busy?);
        neighbour.move_out().await?;
        stage.end().await?;
        if placing == Placing::OURS {
            self.leaders_jobs += ran.by_leader;
        }
        if let Some(server) = ran.servers.get_mut(&hit) {
            server.neighbour = busy;
        }
        let mut pooled = Pooled::default();
        pooled.add(&ran);
        let note = format!(
            "a neighbour takes 70% of a worker of .3 core for {} of every {} s",
            BUSY.as_secs(),
            EVERY.as_secs()
        );
        self.compare(rival, "antagonist", &pooled, &note);
        Ok(())
    }

    /// The leader is killed again and again; jobs count from three seconds after the next one leads.
    async fn with_leader_changes(&mut self, rival: &str, placing: Placing) -> anyhow::Result<()> {
        let mut stage = Stage::start(&WORKERS, USERS, placing).await?;
        let changes = self.extent.leader_changes as u32;
        let span = LEADS_FOR * (changes + 1);
        let jobs = (self.rate() * span.as_secs_f64()) as usize;
        let plan = plan::poisson(self.seed, jobs, KINDS, self.rate());
        let load = Load::of(&stage, &self.works);
        let began = Instant::now();
        let change = async {
            let mut led = Vec::new();
            for n in 1..=changes {
                tokio::time::sleep_until(began + LEADS_FOR * n).await;
                stage.change_leader().await?;
                led.push(began.elapsed().as_secs_f64());
            }
            anyhow::Ok(led)
        };
        let (ended, led) = tokio::join!(open_loop::bring(&load, &plan, began), change);
        let (ended, led) = (ended?, led?);
        let span = began.elapsed().as_secs_f64();
        let mut ran = open_loop::collect(&stage, &plan, ended, began, span)?;
        ran.servers = stage.servers_without_overhead();
        stage.end().await?;
        let mut pooled = Pooled::default();
        let settled = |arrives: f64| {
            let last = led.iter().rfind(|at| **at <= arrives);
            last.is_some_and(|at| {
                let next = LEADS_FOR.as_secs_f64() * ((at / LEADS_FOR.as_secs_f64()).floor() + 1.0);
                (at + SETTLED..next).contains(&arrives)
            })
        };
        let counted = |times: Vec<f64>| {
            let jobs = ran.done.iter().zip(times);
            jobs.filter(|(job, _)| settled(job.arrives))
                .map(|(_, took)| took)
                .collect()
        };
        pooled.add_times(counted(ran.times()), counted(ran.oracles_times()));
        pooled.failed = ran.failed.len();
        let note = format!(
            "{changes} leaders killed, one every {} s; jobs from {SETTLED} s after the next one leads; the oracle's \
             nodes use nothing for themselves and lose no worker",
            LEADS_FOR.as_secs()
        );
        self.compare(rival, "leader_change", &pooled, &note);
        Ok(())
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
