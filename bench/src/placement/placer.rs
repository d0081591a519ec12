//! Who places the jobs of a simulated run: a leader's scheduler, as nodes have it, or the oracle.

use std::time::Duration;

use cameo_common::ids::{JobId, NodeId};
use cameo_common::keys::PublicKey;
use cameo_dispatch::{
    Choice, CostModel, Job, Member, Policy, Report, Reservation, Scheduler, Settings, TicketId,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::SECOND;
use super::interval::Interval;
use super::oracle;
use super::worker::Worker;
use super::workload::Arrival;

/// A way of placing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// Knows everything but what has not arrived yet.
    Oracle,
    /// The code of a node's leader, with reports this often.
    Scheduler(Policy, Interval),
}

/// The leader is none of the workers.
const LEADER: NodeId = NodeId(0);
/// What the leader believes of waits grows with the age of what it knows; its bound grows with it, as the bound on
/// the age does: it is old loads that are measured, and not refusals.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT_INTERVALS: u32 = 3;
/// Whoever asks: no limit on one client is simulated.
const CLIENT: PublicKey = PublicKey([1; 32]);
/// The life of a ticket, and twice the clocks' skew.
const EXPIRES_AFTER: u64 = 9 * SECOND;

#[derive(Debug)]
pub enum Placer {
    Oracle,
    Scheduler(Box<Leader>),
}

/// The scheduler with what a leader brings to it.
#[derive(Debug)]
pub struct Leader {
    scheduler: Scheduler,
    rng: StdRng,
    tickets: u128,
}

/// Where a job went.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    pub node: NodeId,
    pub incarnation: u64,
    pub ticket: TicketId,
}

impl Way {
    /// Time between two reports; the oracle does without.
    pub fn interval(self) -> Option<Interval> {
        match self {
            Way::Oracle => None,
            Way::Scheduler(_, interval) => Some(interval),
        }
    }
}

impl Placer {
    pub fn new(way: Way, seed: u64) -> Self {
        let Way::Scheduler(policy, interval) = way else {
            return Placer::Oracle;
        };
        let max_wait = MAX_WAIT.max(Duration::from_nanos(interval.0) * MAX_WAIT_INTERVALS);
        let settings =
            Settings::new(interval.stale_after(), max_wait).with_baseline(policy, Duration::ZERO);
        Placer::Scheduler(Box::new(Leader {
            scheduler: Scheduler::new(LEADER, 1, settings, CostModel::default()),
            rng: StdRng::seed_from_u64(!seed),
            tickets: 0,
        }))
    }

    /// Tells who may get jobs.
    pub fn set_members(&mut self, workers: &[Worker]) {
        if let Placer::Scheduler(leader) = self {
            let mut nodes: Vec<NodeId> = workers.iter().map(|worker| worker.node).collect();
            nodes.sort_unstable();
            let member = |node| Member { node, voter: false };
            leader.scheduler.set_members(nodes.into_iter().map(member));
        }
    }

    pub fn follow(&mut self, from: NodeId, report: Report, now: u64) {
        if let Placer::Scheduler(leader) = self {
            leader
                .scheduler
                .follow(from, report, Duration::from_nanos(now));
        }
    }

    /// Places a job; not, when the answer is to come again later.
    pub fn place(
        &mut self,
        arrival: &Arrival,
        exclude: &[NodeId],
        workers: &[Worker],
        now: u64,
    ) -> Option<Placed> {
        match self {
            Placer::Oracle => oracle::place(arrival, exclude, workers, now),
            Placer::Scheduler(leader) => leader.place(arrival, exclude, now),
        }
    }
}

impl Leader {
    fn place(&mut self, arrival: &Arrival, exclude: &[NodeId], now: u64) -> Option<Placed> {
        self.tickets += 1;
        let ticket = TicketId(self.tickets.to_be_bytes());
        let job = Job {
            id: JobId(ticket.0),
            size: arrival.size,
            exclude,
        };
        let at = Duration::from_nanos(now);
        let decision = self.scheduler.decide(&job, at, self.rng.random());
        let Choice::Worker(node) = decision.choice else {
            return None;
        };
        let incarnation = self.scheduler.incarnation(node)?;
        let reservation = Reservation {
            client: CLIENT,
            job: job.id,
            size: arrival.size,
            cost_ms: decision.input.cost_ms,
            expires: Duration::from_nanos(now + EXPIRES_AFTER),
        };
        self.scheduler
            .reserve(node, incarnation, ticket, reservation);
        Some(Placed {
            node,
            incarnation,
            ticket,
        })
    }
}
