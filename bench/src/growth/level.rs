//! One number of people, and what is measured at it.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::sizes::Sizes;
use super::timeline::Timeline;
use crate::clusters::ours::{Call, Ours};
use crate::core::lane::Lane;
use crate::core::window::Window;

/// The node that is ended, away and back: any will do.
pub const ENDED: usize = 1;
/// Interval at which the disk is looked at while a snapshot is written.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The figures of one level.
#[derive(Debug)]
pub struct Level {
    pub people: u64,
    pub write: Window,
    pub debit: Window,
    pub read: Window,
    pub sizes: Sizes,
    pub snapshot: Snapshot,
    pub restarts: Restarts,
    pub behind: Behind,
}

/// Writes beside a snapshot that is taken for a backup.
#[derive(Debug)]
pub struct Snapshot {
    pub seconds: f64,
    /// p99 in seconds, before and meanwhile.
    pub p99: [f64; 2],
    pub longest_silence: Duration,
    /// The most that a node's folder took.
    pub disk: u64,
}

/// Seconds until a node serves again.
#[derive(Debug)]
pub struct Restarts {
    pub stopped: f64,
    pub killed: f64,
    /// As after a failure of the machine: nothing of its state is trusted.
    pub rebuilt: f64,
}

/// A node that comes back without what was written meanwhile.
#[derive(Debug)]
pub struct Behind {
    /// Writes a second of the others, before and until it has caught up.
    pub rates: [f64; 2],
    pub seconds: f64,
}

/// Measures one level.
pub struct Meter<'a> {
    pub ours: &'a mut Ours,
    pub clients: usize,
    pub window: Duration,
    /// Entries that a node lacks when it comes back.
    pub lacked: u64,
}

impl Meter<'_> {
    pub async fn level(&mut self, people: u64) -> anyhow::Result<Level> {
        let sizes = self.sizes()?;
        let write = self.rate(Call::Write).await?;
        let debit = self.rate(Call::Debit).await?;
        let read = self.rate(Call::LookUp).await?;
        let snapshot = self.snapshot().await?;
        let restarts = self.restarts().await?;
        let behind = self.behind().await?;
        Ok(Level {
            people,
            write,
            debit,
            read,
            sizes,
            snapshot,
            restarts,
            behind,
        })
    }

    pub fn sizes(&self) -> anyhow::Result<Sizes> {
        Sizes::of(&self.ours.processes()?, &self.ours.folders())
    }

    pub async fn rate(&mut self, call: Call) -> anyhow::Result<Window> {
        let callers = self.ours.callers(self.clients, call).await?;
        let mut lane = Lane::new("ours", self.ours.processes()?);
        lane.measure(callers, self.window).await
    }

    async fn snapshot(&mut self) -> anyhow::Result<Snapshot> {
        let (ours, window) = (&*self.ours, self.window);
        let mut writers = ours.callers(self.clients, Call::Write).await?;
        let mut disk = 0;
        let work = async {
            let began = Instant::now();
            tokio::time::sleep(window).await;
            let asked = Instant::now();
            let backup = ours.backup();
            tokio::pin!(backup);
            loop {
                tokio::select! {
                    done = &mut backup => {
                        done?;
                        return Ok([began, asked, Instant::now()]);
                    }
                    () = tokio::time::sleep(LOOK_EVERY) => {
                        disk = disk.max(Sizes::of(&[], &ours.folders())?.disk);
                    }
                }
            }
        };
        let (timeline, [began, asked, ended]) = Timeline::during(&mut writers, work).await?;
        let p99 = |from, to| timeline.times(from, to).percentile(99.0);
        Ok(Snapshot {
            seconds: (ended - asked).as_secs_f64(),
            p99: [p99(began, asked), p99(asked, ended)],
            longest_silence: timeline.longest_silence(asked, ended),
            disk,
        })
    }

    async fn restarts(&mut self) -> anyhow::Result<Restarts> {
        let ours = &mut *self.ours;
        ours.stop(ENDED).await?;
        let stopped = back(ours).await?;
        ours.kill(ENDED).await?;
        let killed = back(ours).await?;
        ours.kill(ENDED).await?;
        ours.distrust_state(ENDED)?;
        let rebuilt = back(ours).await?;
        Ok(Restarts {
            stopped,
            killed,
            rebuilt,
        })
    }

    async fn behind(&mut self) -> anyhow::Result<Behind> {
        self.ours.kill(ENDED).await?;
        let mut writers = self
            .ours
            .callers_of_others(self.clients, Call::Write, ENDED)
            .await?;
        let (lacked, window) = (self.lacked, self.window);
        let target = self.ours.committed().await? + lacked;
        let ours = &mut *self.ours;
        let work = async {
            while ours.committed().await? < target {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let began = Instant::now();
            tokio::time::sleep(window).await;
            let started = Instant::now();
            ours.start_node(ENDED).await?;
            while !ours.has_caught_up(ENDED).await? {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok([began, started, Instant::now()])
        };
        let (timeline, [began, started, ended]) = Timeline::during(&mut writers, work).await?;
        Ok(Behind {
            rates: [timeline.rate(began, started), timeline.rate(started, ended)],
            seconds: (ended - started).as_secs_f64(),
        })
    }
}

/// Seconds until the node serves again; then waits until it has caught up.
async fn back(ours: &mut Ours) -> anyhow::Result<f64> {
    let began = Instant::now();
    ours.start_node(ENDED).await?;
    let took = began.elapsed().as_secs_f64();
    ours.agree().await.context("after a restart")?;
    Ok(took)
}
