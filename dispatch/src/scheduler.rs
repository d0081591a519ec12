//! The leader's knowledge of its workers, and its decisions.
//!
//! One row a worker: the member, its last report, the reservations on it. Rows are iterated, never
//! looked up, so that a decision over a thousand workers costs microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::{JobId, NodeId, whole_millis};
use cameo_common::keys::PublicKey;

use super::Moment;
use super::cost::CostModel;
use super::placement::{Among, Candidate, Decision, LoadSample, PlacementInput, decide};
use super::policy::Policy;
use super::report::Report;
use super::reservations::{Reservation, Reservations};
use super::ticket_id::TicketId;

/// One client may reserve one part in this many of what the workers can do within `max_wait`.
const CLIENT_QUOTA: u128 = 2;

/// The bounds of a scheduler.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// A node whose report is older than this is ineligible.
    pub stale_after: Duration,
    /// With a longer queueing delay than this on every worker, a job is refused.
    pub max_wait: Duration,
    pub(super) policy: Policy,
    pub(super) decide: fn(PlacementInput) -> Decision,
    /// A newer report of a worker is used only this long after the one before: zero but for
    /// measuring the cost of old reports.
    pub(super) reports_every: Duration,
}

impl Settings {
    #[must_use]
    pub fn new(stale_after: Duration, max_wait: Duration) -> Self {
        Self {
            stale_after,
            max_wait,
            policy: Policy::LeastProjected,
            decide,
            reports_every: Duration::ZERO,
        }
    }
}

/// A node that may get jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub node: NodeId,
    pub voter: bool,
}

/// A job to be placed.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub id: JobId,
    /// Bytes of input.
    pub size: u64,
    /// Nodes on which it failed before.
    pub exclude: &'a [NodeId],
}

/// The leader's knowledge, of one term.
#[derive(Debug)]
pub struct Scheduler {
    leader: NodeId,
    term: u64,
    settings: Settings,
    costs: CostModel,
    decided: u64,
    rows: BTreeMap<NodeId, Row>,
}

#[derive(Debug, Default)]
struct Row {
    /// None while it reports and is no member that this leader knows of.
    member: Option<Member>,
    /// The last report in use, and when it arrived.
    report: Option<(Report, Moment)>,
    reservations: Reservations,
}

impl Scheduler {
    /// An empty scheduler of the node that leads in this term. The cost model may come from an
    /// earlier term.
    #[must_use]
    pub fn new(leader: NodeId, term: u64, settings: Settings, costs: CostModel) -> Self {
        Self {
            leader,
            term,
            settings,
            costs,
            decided: 0,
            rows: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The cost model, for the scheduler of a later term.
    #[must_use]
    pub fn into_costs(self) -> CostModel {
        self.costs
    }

    /// Sets the nodes that may get jobs. The rows of others are dropped.
    pub fn set_members(&mut self, members: impl Iterator<Item = Member> + Clone) {
        let same = self
            .rows
            .values()
            .map(|row| row.member)
            .eq(members.clone().map(Some));
        if same {
            return;
        }
        let mut before = std::mem::take(&mut self.rows);
        for member in members {
            let mut row = before.remove(&member.node).unwrap_or_default();
            row.member = Some(member);
            self.rows.insert(member.node, row);
        }
    }

    /// Follows a report. The CPU time of finished jobs teaches the cost model.
    pub fn follow(&mut self, from: NodeId, report: Report, at: Moment) {
        let row = self.rows.entry(from).or_default();
        let Some(finished) = row.reservations.follow(&report, at) else {
            return;
        };
        for job in finished {
            self.costs.learn(job.size, job.cpu_ms);
        }
        let every = self.settings.reports_every;
        let early = |(before, then): &(Report, Moment)| {
            before.incarnation == report.incarnation && at < *then + every
        };
        if !row.report.as_ref().is_some_and(early) {
            row.report = Some((report, at));
        }
    }

    /// Predicted CPU milliseconds of a job with an input of this many bytes.
    #[must_use]
    pub fn predict(&self, size: u64) -> u64 {
        self.costs.predict(size)
    }

    /// Decides. Nothing is reserved: [`Scheduler::reserve`] does that, once there is a ticket.
    pub fn decide(&mut self, job: &Job<'_>, now: Moment, seed: u64) -> Decision {
        let sequence = self.decided;
        self.decided += 1;
        let candidates = self
            .rows
            .values()
            .filter_map(|row| self.candidate(row, job, now));
        (self.settings.decide)(PlacementInput {
            policy: self.settings.policy,
            term: self.term,
            job: job.id,
            sequence,
            cost_ms: self.costs.predict(job.size),
            stale_after_ms: whole_millis(self.settings.stale_after),
            max_wait_ms: whole_millis(self.settings.max_wait),
            seed,
            candidates: candidates.collect(),
        })
    }

    fn candidate(&self, row: &Row, job: &Job<'_>, now: Moment) -> Option<Candidate> {
        let member = row.member?;
        let load = row.report.as_ref().map(|(report, at)| LoadSample {
            age_ms: whole_millis(now.saturating_sub(*at)),
            usable_millicores: report.usable_millicores,
            cpu_share_permille: report.cpu_share_permille,
            slots: report.slots,
            running: report.running,
            queued: report.queued,
            backlog_cpu_ms: report.backlog_cpu_ms,
            incoming: report.incoming,
            incoming_cpu_ms: report.incoming_cpu_ms,
            draining: report.draining,
        });
        Some(Candidate {
            node: member.node,
            voter: member.voter,
            leader: member.node == self.leader,
            excluded: job.exclude.contains(&member.node),
            full: row.reservations.is_full()
                || matches!(&row.report, Some((report, _)) if report.is_full_for(job.size)),
            load,
            reserved: row.reservations.reserved(),
            reserved_cpu_ms: row.reservations.reserved_cpu_ms(),
        })
    }

    /// Releases what a client has reserved for a job: it asks for a new placement, and will not use
    /// the earlier ticket.
    pub fn release(&mut self, client: &PublicKey, job: JobId) {
        for row in self.rows.values_mut() {
            row.reservations.release(client, job);
        }
    }

    /// Whether a client has used up its quota: its part of what the workers can do within
    /// `max_wait` is reserved, and none of it accepted. The rest is for others.
    #[must_use]
    pub fn is_over_quota(&self, client: &PublicKey, now: Moment) -> bool {
        let reserved = self
            .rows
            .values()
            .map(|row| row.reservations.reserved_by(client, now));
        let usable = match self.usable(now, Among::Followers) {
            0 => self.usable(now, Among::Leader),
            followers => followers,
        };
        u128::from(reserved.sum::<u64>()) * CLIENT_QUOTA
            > usable * self.settings.max_wait.as_millis() / 1000
    }

    /// Usable millicores of the followers that work, or of the leader.
    fn usable(&self, now: Moment, among: Among) -> u128 {
        let works = |row: &Row| {
            let (report, at) = row.report.as_ref()?;
            let is_asked = among.includes(row.member?.node == self.leader);
            let fresh = now.saturating_sub(*at) <= self.settings.stale_after;
            (is_asked && fresh && !report.draining).then_some(report.usable_millicores)
        };
        self.rows.values().filter_map(works).map(u128::from).sum()
    }

    /// There are followers, and none has reported in this term.
    #[must_use]
    pub fn awaits_first_report(&self) -> bool {
        let mut followers = self
            .rows
            .values()
            .filter(|row| row.member.is_some_and(|member| member.node != self.leader));
        let is_silent = |row: &Row| row.report.is_none();
        followers.next().is_some_and(is_silent) && followers.all(is_silent)
    }

    /// The incarnation of a worker that has reported.
    #[must_use]
    pub fn incarnation(&self, worker: NodeId) -> Option<u64> {
        let (report, _) = self.rows.get(&worker)?.report.as_ref()?;
        Some(report.incarnation)
    }

    /// Reserves a job's cost on this incarnation of a worker.
    pub fn reserve(
        &mut self,
        worker: NodeId,
        incarnation: u64,
        ticket: TicketId,
        reservation: Reservation,
    ) {
        let row = self.rows.entry(worker).or_default();
        row.reservations.add(incarnation, ticket, reservation);
    }

    /// The reports in use, and when they arrived.
    pub fn reports(&self) -> impl Iterator<Item = (NodeId, &Report, Moment)> {
        self.rows.iter().filter_map(|(node, row)| {
            let (report, at) = row.report.as_ref()?;
            Some((*node, report, *at))
        })
    }
}

#[cfg(test)]
mod tests;
