//! Placement in a simulated run: a node's scheduler, or the oracle.

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
use super::placed::Placed;
use super::worker::Worker;
use super::workload::Arrival;

/// Placement strategies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// Knows everything except jobs that have not arrived yet.
    Oracle,
    /// The leader's code, with reports at this interval.
    Scheduler(Policy, Interval),
}

/// Node id of the leader, which is no worker.
const LEADER: NodeId = NodeId(0);
/// Bound of the queueing delay. It grows with the interval of reports, as their maximum age does:
/// the benchmark measures the cost of old reports, not of refusals.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT_INTERVALS: u32 = 3;
/// All jobs come from one client; its quota is not simulated.
const CLIENT: PublicKey = PublicKey([1; 32]);
/// Validity of a ticket, plus twice the clock skew.
const EXPIRES_AFTER: u64 = 9 * SECOND;

#[derive(Debug)]
pub enum Placer {
    Oracle,
    Scheduler(Box<Leader>),
}

/// The scheduler with a leader's randomness and ticket ids.
#[derive(Debug)]
pub struct Leader {
    scheduler: Scheduler,
    rng: StdRng,
    tickets: u128,
}

impl Strategy {
    /// Time between two reports; `None` for the oracle.
    pub fn interval(self) -> Option<Interval> {
        match self {
            Strategy::Oracle => None,
            Strategy::Scheduler(_, interval) => Some(interval),
        }
    }
}

impl Placer {
    pub fn new(strategy: Strategy, seed: u64) -> Self {
        let Strategy::Scheduler(policy, interval) = strategy else {
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

    /// Sets the nodes that may get jobs.
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

    /// Places a job; `None` when it is refused.
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
