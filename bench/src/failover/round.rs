//! A round: the leader ends under load, and comes back.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cameo_harness::until;
use futures_util::future::join_all;
use rand::RngExt as _;
use tokio::time::sleep;

use super::gap::{Gap, gap};
use super::load::{Ack, Load};
use super::stall_meter::StallMeter;
use super::target::{CLIENTS, Client, End, Target};
use crate::others::{OthersMeter, is_disturbed};

/// Longest time until writes flow.
const FLOWS_WITHIN: Duration = Duration::from_secs(60);
/// Acknowledged writes with which they do: by each node at first, by all together after the end.
const FLOWING: usize = 20;
/// The leader ends up to this much later, so that it does at any time between two heartbeats of
/// either side.
const PHASE: Duration = Duration::from_millis(200);
/// How long writes are watched once they flow again: a second election is a part of the gap.
const SETTLED: Duration = Duration::from_millis(300);

/// What a round has shown.
#[derive(Debug)]
pub struct Round<W> {
    pub gap: Gap,
    /// Whether this machine stalled meanwhile, or others used it.
    pub is_disturbed: bool,
    /// Whether the term has grown: else the node that ended did not lead.
    pub has_ended_leader: bool,
    pub signalled: Instant,
    /// In the order of their ends.
    pub acks: Vec<Ack<W>>,
}

type WrittenTo<T> = <<T as Target>::Client as Client>::Written;

/// What a round is measured beside.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    pub stalls: &'a StallMeter,
    /// Processes of the other side, which are no others.
    pub neighbours: &'a [u32],
}

/// Runs a round.
///
/// # Errors
/// When writes do not flow, before or after; when a node does not come back.
pub async fn round<T: Target>(
    target: &mut T,
    how: End,
    beside: Beside<'_>,
) -> anyhow::Result<Round<WrittenTo<T>>> {
    let (load, mut clients) = (Load::new(), clients(target)?);
    let clients = clients.iter_mut().enumerate();
    let writing = clients.map(|(number, client)| load.keep_writing(number, client));
    let end = async {
        let seen = end_leader(target, how, &load, beside).await;
        load.end();
        seen
    };
    let (_, seen) = tokio::join!(join_all(writing), end);
    let seen = seen?;
    Ok(Round {
        gap: seen.gap,
        is_disturbed: seen.is_disturbed,
        has_ended_leader: seen.has_ended_leader,
        signalled: seen.signalled,
        acks: load.into_acks(),
    })
}

/// Kills all nodes while clients write, and returns what was acknowledged.
///
/// # Errors
/// When writes do not flow before, or a node cannot be signalled.
pub async fn kill_all<T: Target>(target: &mut T) -> anyhow::Result<Vec<Ack<WrittenTo<T>>>> {
    let (load, mut clients) = (Load::new(), clients(target)?);
    let clients = clients.iter_mut().enumerate();
    let writing = clients.map(|(number, client)| load.keep_writing(number, client));
    let kill = async {
        let killed = async {
            flows_by_all(&load).await?;
            target.kill_all().await
        };
        let killed = killed.await;
        load.end();
        killed
    };
    let (_, killed) = tokio::join!(join_all(writing), kill);
    killed?;
    Ok(load.into_acks())
}

fn clients<T: Target>(target: &T) -> anyhow::Result<Vec<T::Client>> {
    (0..CLIENTS).map(|number| target.client(number)).collect()
}

async fn flows_by_all<W>(load: &Load<W>) -> anyhow::Result<()> {
    let by_all = async || load.flows_by_all(FLOWING).then_some(());
    Ok(until("writes by every node", FLOWS_WITHIN, by_all).await?)
}

struct Seen {
    gap: Gap,
    is_disturbed: bool,
    has_ended_leader: bool,
    signalled: Instant,
}

/// Ends the leader while the load goes on, and waits until it has come back.
async fn end_leader<T: Target>(
    target: &mut T,
    how: End,
    load: &Load<WrittenTo<T>>,
    beside: Beside<'_>,
) -> anyhow::Result<Seen> {
    flows_by_all(load).await?;
    sleep(rand::rng().random_range(Duration::ZERO..PHASE)).await;
    let processes = [target.processes()?.as_slice(), beside.neighbours].concat();
    let (term, leader) = (target.term().await?, target.leader().await?);
    let others = OthersMeter::start(processes)?;
    // On one thread, no client begins a write between this and the signal.
    let signalled = Instant::now();
    target.end(leader, how).await?;
    watch_until_settled(load).await?;
    let watched = Instant::now();
    let others = others.cores()?;
    let gap = gap(&load.spans(), signalled).context("no write before the signal")?;
    let has_ended_leader = target.term().await? > term;
    target.restart(leader).await?;
    let stalls = beside.stalls.stalls_between(signalled, watched);
    Ok(Seen {
        gap,
        is_disturbed: stalls > 0 || is_disturbed(others),
        has_ended_leader,
        signalled,
    })
}

/// Waits until writes flow again, and for a while more. A pause that goes on then is waited for, so
/// that it is measured in full.
async fn watch_until_settled<W>(load: &Load<W>) -> anyhow::Result<()> {
    let ended = Instant::now();
    let again = async || load.flows_since(ended, FLOWING).then_some(());
    until("writes after the leader's end", FLOWS_WITHIN, again).await?;
    sleep(SETTLED).await;
    let settled = Instant::now();
    let still = async || load.flows_since(settled, 1).then_some(());
    Ok(until("a write that begins now", FLOWS_WITHIN, still).await?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    const FIRST_PAUSE: Duration = Duration::from_millis(150);
    /// From the end of the leader, while writes are watched.
    const SECOND_PAUSE: [Duration; 2] = [Duration::from_millis(330), Duration::from_millis(900)];

    /// A cluster that stops for a while when its leader ends, and again later.
    #[derive(Default, Clone)]
    struct Pausing {
        ended: Rc<Cell<Option<Instant>>>,
        elects: bool,
    }

    impl Pausing {
        /// When it answers what it is asked now.
        fn answers_at(&self) -> Option<Instant> {
            let ended = self.ended.get()?;
            let [from, to] = SECOND_PAUSE;
            match ended.elapsed() {
                since if since < FIRST_PAUSE => Some(ended + FIRST_PAUSE),
                since if since >= from && since < to => Some(ended + to),
                _ => None,
            }
        }
    }

    impl Target for Pausing {
        type Client = Self;
        const NAME: &'static str = "pausing";
        const KEPT_FOR: Option<Duration> = None;
        const ELECTS_WITHIN: Duration = Duration::ZERO;

        fn processes(&self) -> anyhow::Result<Vec<u32>> {
            Ok(Vec::new())
        }
        async fn leader(&self) -> anyhow::Result<usize> {
            Ok(0)
        }
        async fn term(&self) -> anyhow::Result<u64> {
            Ok(1 + u64::from(self.elects && self.ended.get().is_some()))
        }
        async fn end(&mut self, _: usize, _: End) -> anyhow::Result<()> {
            self.ended.set(Some(Instant::now()));
            Ok(())
        }
        async fn restart(&mut self, _: usize) -> anyhow::Result<()> {
            Ok(())
        }
        async fn kill_all(&mut self) -> anyhow::Result<()> {
            self.ended.set(Some(Instant::now()));
            Ok(())
        }
        async fn start_all(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
        fn client(&self, _: usize) -> anyhow::Result<Self> {
            Ok(self.clone())
        }
    }

    impl Client for Pausing {
        type Written = ();

        async fn write(&mut self, _: usize) -> anyhow::Result<()> {
            sleep(Duration::from_millis(2)).await;
            while let Some(at) = self.answers_at() {
                tokio::time::sleep_until(at.into()).await;
            }
            Ok(())
        }
        fn never_written(&self) {}
        async fn has(&mut self, _: usize, (): &()) -> anyhow::Result<bool> {
            Ok(true)
        }
    }

    async fn round_of(mut target: Pausing) -> Round<()> {
        let stalls = StallMeter::start().unwrap();
        let beside = Beside {
            stalls: &stalls,
            neighbours: &[],
        };
        round(&mut target, End::Killed, beside).await.unwrap()
    }

    #[tokio::test]
    async fn given_a_second_pause_that_goes_on_at_the_end_then_it_is_measured_in_full() {
        let shown = round_of(Pausing::default()).await;
        let [from, to] = SECOND_PAUSE;
        let least = to - from - Duration::from_millis(20);
        assert!(shown.gap.longest >= least, "{:?}", shown.gap);
        assert!(shown.gap.to_first_write < to, "{:?}", shown.gap);
    }

    #[tokio::test]
    async fn given_a_term_that_does_not_grow_then_no_leader_was_ended() {
        for elects in [false, true] {
            let target = Pausing {
                elects,
                ..Pausing::default()
            };
            assert_eq!(round_of(target).await.has_ended_leader, elects);
        }
    }

    #[tokio::test]
    async fn clients_write_until_all_nodes_are_killed() {
        let mut target = Pausing::default();
        let acks = kill_all(&mut target).await.unwrap();
        let killed = target.ended.get().unwrap();
        let last = acks.last().unwrap().span.ended;
        let before = killed.saturating_duration_since(last);
        assert!(before < Duration::from_millis(100), "{before:?}");
    }
}
