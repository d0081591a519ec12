//! Full load with no leader ended: elections that nobody asked for, and what jobs cost writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cameo_chaos::workload::{Nodes, Work};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::load::Load;
use super::stall_meter::StallMeter;
use super::target::{CLIENTS, Target};
use crate::clusters::etcd::Etcd;
use crate::clusters::ours::Ours;
use crate::job_clients::{JobClients, on_own_thread};
use crate::others::{OthersMeter, is_disturbed};
use crate::quantile::Times;

/// Payloads of the jobs, in bytes.
const PAYLOADS: [usize; 4] = [500_000, 1_000_000, 2_000_000, 4_000_000];

/// Pause between two looks at the term.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A change of the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Election {
    /// Since the load began, as it was seen.
    pub at: Duration,
    pub terms: u64,
    /// Whether this machine had stalled so shortly before that it may be the cause.
    pub after_stall: bool,
}

/// What one side has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    pub elections: Vec<Election>,
    pub writes: usize,
    /// Seconds that 99 of 100 acknowledged writes did not exceed.
    pub p99: f64,
    /// Stalls of this machine meanwhile.
    pub stalls: usize,
    /// Cores that others used meanwhile.
    pub others: f64,
}

/// What ours have shown without a job, before the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Idle {
    pub steady: Steady,
    /// Whether it was measured again, because the first time was disturbed.
    pub is_second: bool,
}

impl Idle {
    /// Whether something else had the machine.
    pub fn is_disturbed(&self) -> bool {
        is_disturbed_idle(&self.steady)
    }
}

/// Without jobs, nothing of ours stalls the machine.
fn is_disturbed_idle(steady: &Steady) -> bool {
    steady.stalls > 0 || is_disturbed(steady.others)
}

/// What all have shown.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderLoad {
    pub idle: Idle,
    pub ours: Steady,
    pub etcd: Option<Steady>,
    /// Snapshots that our nodes have written during our load.
    pub snapshots: u64,
    /// Jobs that were done meanwhile, on both sides' time.
    pub jobs: usize,
}

/// Lets clients write for so long, to ours alone, and then again to ours and to etcd while our
/// nodes run as many image jobs as they can: etcd has the same neighbours.
///
/// Writes without jobs are measured `again` if they were disturbed.
///
/// # Errors
/// At once when a node does not answer, or a job fails otherwise than by waiting too long.
pub async fn under_load(
    ours: &Ours,
    etcd: Option<&Etcd>,
    length: Duration,
    meter: &StallMeter,
    again: bool,
) -> anyhow::Result<UnderLoad> {
    let idle = idle(ours, etcd, length, meter, again).await?;
    let urls = ours.urls();
    let leader = urls.get(Target::leader(ours).await?).cloned();
    let works = PAYLOADS.iter().zip(0..);
    let works = works.map(|(bytes, seed)| Ok(Arc::new(Work::of_payload(*bytes, seed)?)));
    let works = works.collect::<anyhow::Result<_>>()?;
    let nodes = Arc::new(Nodes::new(urls));
    let clients = Arc::new(JobClients::new(leader.unwrap_or_default(), nodes, works));
    let jobs = on_own_thread(cameo_sched::lower, clients.clone().keep_busy());
    let writes = async {
        let shown = both(ours, etcd, idle, length, meter).await;
        clients.end();
        shown
    };
    let (jobs, shown) = tokio::try_join!(jobs, writes)?;
    Ok(UnderLoad { jobs, ..shown })
}

/// Ours without a job; once more if that was disturbed and may be measured `again`.
async fn idle(
    ours: &Ours,
    etcd: Option<&Etcd>,
    length: Duration,
    meter: &StallMeter,
    again: bool,
) -> anyhow::Result<Idle> {
    let first = steady(ours, neighbours(etcd), length, meter).await?;
    if !again || !is_disturbed_idle(&first) {
        return Ok(Idle {
            steady: first,
            is_second: false,
        });
    }
    eprintln!("something else had the machine: writes without jobs are measured again");
    Ok(Idle {
        steady: steady(ours, neighbours(etcd), length, meter).await?,
        is_second: true,
    })
}

/// Processes of etcd, which are no others.
fn neighbours(etcd: Option<&Etcd>) -> Vec<u32> {
    etcd.map(Etcd::processes).unwrap_or_default()
}

/// Both sides, without the number of jobs.
async fn both(
    ours: &Ours,
    etcd: Option<&Etcd>,
    idle: Idle,
    length: Duration,
    meter: &StallMeter,
) -> anyhow::Result<UnderLoad> {
    let before = ours.snapshots().await?;
    let own = steady(ours, neighbours(etcd), length, meter).await?;
    let snapshots = ours.snapshots().await?.saturating_sub(before);
    let theirs = match etcd {
        Some(etcd) => Some(steady(etcd, ours.processes()?, length, meter).await?),
        None => None,
    };
    Ok(UnderLoad {
        idle,
        ours: own,
        etcd: theirs,
        snapshots,
        jobs: 0,
    })
}

async fn steady<T: Target>(
    target: &T,
    neighbours: Vec<u32>,
    length: Duration,
    meter: &StallMeter,
) -> anyhow::Result<Steady> {
    eprintln!("writes to {} for {} s", T::NAME, length.as_secs());
    let clients = (0..CLIENTS).map(|number| target.client(number));
    let mut clients = clients.collect::<anyhow::Result<Vec<_>>>()?;
    let load = Load::new();
    let others = OthersMeter::start([target.processes()?, neighbours].concat())?;
    let (term, began) = (target.term().await?, Instant::now());
    let clients = clients.iter_mut().enumerate();
    let writing = clients.map(|(number, client)| load.keep_writing(number, client));
    let over = async {
        sleep(length).await;
        load.end();
    };
    let looking = elections(target, &load, term, meter);
    let (_, (), elections) = tokio::join!(join_all(writing), over, looking);
    let others = others.cores()?;
    let spans = load.spans();
    let took = spans
        .iter()
        .map(|span| (span.ended - span.begun).as_secs_f64());
    Ok(Steady {
        elections: elections?,
        writes: spans.len(),
        p99: Times::of(took.collect()).percentile(99.0),
        others,
        stalls: meter.stalls_between(began, Instant::now()),
    })
}

/// Looks at the term for as long as the load goes on, and once more.
async fn elections<T: Target, W>(
    target: &T,
    load: &Load<W>,
    mut term: u64,
    meter: &StallMeter,
) -> anyhow::Result<Vec<Election>> {
    let began = Instant::now();
    let (mut elections, mut before) = (Vec::new(), began);
    loop {
        let is_last = load.is_over();
        // A look that nobody answers is made again, but for the last.
        let told = match target.term().await {
            Err(why) if is_last => return Err(why),
            told => told.unwrap_or(term),
        };
        let now = Instant::now();
        if told > term {
            // It was not there at the look before.
            let cause = before.checked_sub(T::ELECTS_WITHIN).unwrap_or(began);
            elections.push(Election {
                at: now - began,
                terms: told - term,
                after_stall: meter.stalls_between(cause, now) > 0,
            });
            term = told;
        }
        if is_last {
            return Ok(elections);
        }
        before = now;
        sleep(LOOK_EVERY).await;
    }
}
