//! A round: one node is restarted, or replaced, under load.

use std::time::{Duration, Instant};

use cameo_harness::until;

use super::again::Again;
use super::load::Load;
use super::photos::Photos;
use crate::clusters::ours::Ours;
use crate::failover::stall_meter::StallMeter;
use crate::others::{OthersMeter, is_disturbed};

/// Longest time until requests flow.
const FLOWS_WITHIN: Duration = Duration::from_secs(60);
/// Answered requests with which they do.
const FLOWING: usize = 40;

/// The rounds of one kind.
#[derive(Debug)]
pub struct Rounds {
    wanted: usize,
    pub again: Again,
    /// The longest silence of each round that counts.
    pub silences: Vec<Duration>,
}

impl Rounds {
    pub fn new(wanted: u32, again: Again) -> Self {
        Self {
            wanted: wanted as usize,
            again,
            silences: Vec::new(),
        }
    }

    fn are_done(&self) -> bool {
        self.silences.len() >= self.wanted
    }

    fn add(&mut self, silence: Duration, is_disturbed: bool) {
        if self.again.counts(is_disturbed) {
            self.silences.push(silence);
        }
    }
}

/// What is looked at from the beginning of a round to its end.
struct Watch<'a> {
    load: &'a Load<'a>,
    stalls: &'a StallMeter,
    others: OthersMeter,
    began: Instant,
}

impl<'a> Watch<'a> {
    /// Begins once requests flow.
    async fn begin(
        ours: &Ours,
        load: &'a Load<'a>,
        stalls: &'a StallMeter,
    ) -> anyhow::Result<Self> {
        flows(load, "requests before a round").await?;
        Ok(Self {
            load,
            stalls,
            others: OthersMeter::start(ours.processes()?)?,
            began: Instant::now(),
        })
    }

    /// Ends once requests flow again.
    async fn end(self, ours: &Ours, rounds: &mut Rounds) -> anyhow::Result<()> {
        flows(self.load, "requests after a round").await?;
        let ended = Instant::now();
        let others = self.others.cores_beside(&ours.processes()?)?;
        let stalls = self.stalls.stalls_between(self.began, ended);
        let silence = self.load.longest_silence(self.began, ended);
        rounds.add(silence, stalls > 0 || is_disturbed(others));
        Ok(())
    }
}

async fn flows(load: &Load<'_>, what: &str) -> anyhow::Result<()> {
    let from = Instant::now();
    let flow = async || load.flows_since(from, FLOWING).then_some(());
    Ok(until(what, FLOWS_WITHIN, flow).await?)
}

/// Restarts one node after another, each by SIGTERM, until there are enough rounds. The next one
/// follows once all nodes have applied what was committed.
///
/// # Errors
/// When a node does not stop, or does not come back.
pub async fn restart_all(
    ours: &mut Ours,
    load: &Load<'_>,
    stalls: &StallMeter,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let mut at = 0;
    while !rounds.are_done() {
        eprintln!("restart {}", at + 1);
        let watch = Watch::begin(ours, load, stalls).await?;
        let node = at % ours.nodes();
        ours.stop(node).await?;
        ours.restart(node).await?;
        watch.end(ours, rounds).await?;
        at += 1;
    }
    Ok(())
}

/// Replaces one node after another, until there are enough rounds. The one that was replaced ends
/// once every photo is dealt to the new nodes.
///
/// # Errors
/// When a node does not join or stop, an order fails, or a photo is not dealt again.
pub async fn replace_all(
    ours: &mut Ours,
    load: &Load<'_>,
    stalls: &StallMeter,
    photos: &mut Photos,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let mut at = 0;
    while !rounds.are_done() {
        eprintln!("replacement {}", at + 1);
        let watch = Watch::begin(ours, load, stalls).await?;
        ours.replace_first(load.book()).await?;
        photos.deal_again().await?;
        let dealt = async || load.is_dealt().then_some(());
        until("deals to the new nodes", FLOWS_WITHIN, dealt).await?;
        ours.retire_first().await?;
        ours.agree().await?;
        watch.end(ours, rounds).await?;
        at += 1;
    }
    Ok(())
}
