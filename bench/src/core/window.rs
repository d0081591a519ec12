//! A window: clients that call without a pause, for some time.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;

use crate::clusters::caller::Caller;
use crate::others::is_disturbed;
use crate::process_cpu::{cpu_of, cpu_of_machine};
use crate::quantile::Times;

/// Calls before the window, which are not counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// Time after the window whose CPU is charged to its calls, too: for what a server puts off.
const SETTLES_WITHIN: Duration = Duration::from_millis(700);

/// What a window has shown.
#[derive(Debug, Clone)]
pub struct Window {
    /// Calls a second.
    pub rate: f64,
    /// Seconds of each call.
    pub times: Times,
    /// CPU microseconds a call, of the measured processes together, with what they put off.
    pub cpu_us: f64,
    /// Cores that neither they nor this program used.
    pub others: f64,
}

impl Window {
    /// Whether something else had the machine meanwhile.
    pub fn is_disturbed(&self) -> bool {
        is_disturbed(self.others)
    }
}

/// Runs all clients for `length`, after some calls that warm everything up. `processes` are the
/// servers'.
pub async fn measure(
    callers: &mut [Box<dyn Caller>],
    length: Duration,
    processes: &[u32],
) -> anyhow::Result<Window> {
    let begin = Instant::now() + WARM_UP;
    let clients = callers.iter_mut();
    let clients = try_join_all(clients.map(|caller| client(&mut **caller, begin, begin + length)));
    let (times, cpu) = tokio::try_join!(clients, cpu_between(begin, begin + length, processes))?;
    let times: Vec<f64> = times.into_iter().flatten().collect();
    let calls = times.len();
    Ok(Window {
        rate: calls as f64 / length.as_secs_f64(),
        cpu_us: cpu.servers.as_secs_f64() * 1e6 / calls.max(1) as f64,
        others: cpu.others.as_secs_f64() / length.as_secs_f64(),
        times: Times::of(times),
    })
}

/// Seconds of the calls that end between `begin` and `end`.
async fn client(caller: &mut dyn Caller, begin: Instant, end: Instant) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    loop {
        let called = Instant::now();
        if called >= end {
            return Ok(times);
        }
        caller.call().await?;
        let answered = Instant::now();
        if answered >= begin && answered < end {
            times.push((answered - called).as_secs_f64());
        }
    }
}

struct Cpu {
    servers: Duration,
    others: Duration,
}

async fn cpu_between(begin: Instant, end: Instant, processes: &[u32]) -> anyhow::Result<Cpu> {
    tokio::time::sleep_until(begin.into()).await;
    let before = sample(processes)?;
    tokio::time::sleep_until(end.into()).await;
    let after = sample(processes)?;
    tokio::time::sleep_until((end + SETTLES_WITHIN).into()).await;
    let [settled, ..] = sample(processes)?;
    let [servers, own, all] = [0, 1, 2].map(|at| after[at].saturating_sub(before[at]));
    Ok(Cpu {
        servers: settled.saturating_sub(before[0]),
        others: all.saturating_sub(servers + own),
    })
}

/// CPU times so far of the servers, of this program, and of the machine.
fn sample(processes: &[u32]) -> anyhow::Result<[Duration; 3]> {
    let servers = processes
        .iter()
        .map(|id| cpu_of(*id))
        .sum::<Result<_, _>>()?;
    let own = cpu_of(std::process::id()).context("of this program")?;
    Ok([servers, own, cpu_of_machine()?])
}
