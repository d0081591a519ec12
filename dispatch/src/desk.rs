//! What the leader knows of its workers, and where it puts jobs.
//!
//! One row a worker: the member, its last report, its page of the book. Rows are walked, never looked up, so that a
//! decision over a thousand workers costs microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::{JobId, NodeId};
use cameo_common::keys::PublicKey;

use super::Moment;
use super::cost::CostModel;
use super::page::{Page, Placement};
use super::placement::{Candidate, Decision, Heard, Question, decide};
use super::report::Report;
use super::rivals::Policy;
use super::ticket_id::TicketId;

/// One client may have booked one part in so many of what the workers do within the longest wait.
const BOOKED_BY_ONE: u128 = 2;

/// How a desk decides.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Reports older than this make their node ineligible.
    pub stale_after: Duration,
    /// With a longer wait than this on every worker, a job is refused.
    pub max_wait: Duration,
    pub policy: Policy,
    /// A newer report of a worker counts only this long after the one before; its tickets are followed all the
    /// same. For measuring what old reports cost; zero otherwise.
    pub reports_every: Duration,
}

/// A node that may get jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub node: NodeId,
    pub voter: bool,
}

/// A job that wants a worker.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub id: JobId,
    /// Bytes of input.
    pub size: u64,
    /// Where it failed before.
    pub exclude: &'a [NodeId],
}

/// The leader's knowledge, of one term.
#[derive(Debug)]
pub struct Desk {
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
    heard: Option<(Report, Moment)>,
    page: Page,
}

impl Desk {
    /// An empty desk of the node that leads in this term. What was learned of costs stays true in any term.
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

    /// What has been learned of costs, for the next desk.
    #[must_use]
    pub fn into_costs(self) -> CostModel {
        self.costs
    }

    /// Tells who may get jobs. What is kept of others is dropped.
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

    /// Takes a report; what finished jobs took is learned.
    pub fn heard(&mut self, from: NodeId, report: Report, at: Moment) {
        let row = self.rows.entry(from).or_default();
        let Some(finished) = row.page.heard(&report, at) else {
            return;
        };
        for job in finished {
            self.costs.learn(job.size, job.cpu_ms);
        }
        let every = self.settings.reports_every;
        let early = |(before, then): &(Report, Moment)| {
            before.incarnation == report.incarnation && at < *then + every
        };
        if !row.heard.as_ref().is_some_and(early) {
            row.heard = Some((report, at));
        }
    }

    /// CPU milliseconds that a job with an input of so many bytes is thought to take.
    #[must_use]
    pub fn predict(&self, size: u64) -> u64 {
        self.costs.predict(size)
    }

    /// Decides. Nothing is written down: [`Desk::place`] does that, once there is a ticket.
    pub fn decide(&mut self, job: &Job<'_>, now: Moment, seed: u64) -> Decision {
        let sequence = self.decided;
        self.decided += 1;
        let candidates = self
            .rows
            .values()
            .filter_map(|row| self.candidate(row, job, now));
        decide(Question {
            policy: self.settings.policy,
            term: self.term,
            job: job.id,
            sequence,
            cost_ms: self.costs.predict(job.size),
            stale_after_ms: millis(self.settings.stale_after),
            max_wait_ms: millis(self.settings.max_wait),
            seed,
            candidates: candidates.collect(),
        })
    }

    fn candidate(&self, row: &Row, job: &Job<'_>, now: Moment) -> Option<Candidate> {
        let member = row.member?;
        let heard = row.heard.as_ref().map(|(report, at)| Heard {
            age_ms: millis(now.saturating_sub(*at)),
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
            full: row.page.is_full()
                || matches!(&row.heard, Some((report, _)) if report.is_full_for(job.size)),
            heard,
            booked: row.page.booked(),
            booked_cpu_ms: row.page.booked_cpu_ms(),
        })
    }

    /// A client has a job placed anew: it will not use what was signed for it before.
    pub fn give_back(&mut self, client: &PublicKey, job: JobId) {
        for row in self.rows.values_mut() {
            row.page.give_back(client, job);
        }
    }

    /// Whether a client has booked its part of what the workers do within the longest wait, and taken nothing of it up:
    /// the rest is for others.
    #[must_use]
    pub fn has_booked_enough(&self, client: &PublicKey, now: Moment) -> bool {
        let booked = self
            .rows
            .values()
            .map(|row| row.page.booked_by(client, now));
        let usable = match self.usable(now, false) {
            0 => self.usable(now, true),
            followers => followers,
        };
        u128::from(booked.sum::<u64>()) * BOOKED_BY_ONE
            > usable * self.settings.max_wait.as_millis() / 1000
    }

    /// Thousandths of a core of the followers that work, or of the leader.
    fn usable(&self, now: Moment, leader: bool) -> u128 {
        let works = |row: &Row| {
            let (report, at) = row.heard.as_ref()?;
            let is_asked = (row.member?.node == self.leader) == leader;
            let fresh = now.saturating_sub(*at) <= self.settings.stale_after;
            (is_asked && fresh && !report.draining).then_some(report.usable_millicores)
        };
        self.rows.values().filter_map(works).map(u128::from).sum()
    }

    /// There are followers, and none has reported in this term.
    #[must_use]
    pub fn has_heard_nobody(&self) -> bool {
        let mut followers = self
            .rows
            .values()
            .filter(|row| row.member.is_some_and(|member| member.node != self.leader));
        let is_silent = |row: &Row| row.heard.is_none();
        followers.next().is_some_and(is_silent) && followers.all(is_silent)
    }

    /// The incarnation of a worker that has reported.
    #[must_use]
    pub fn incarnation(&self, worker: NodeId) -> Option<u64> {
        let (report, _) = self.rows.get(&worker)?.heard.as_ref()?;
        Some(report.incarnation)
    }

    /// Writes down that a job was placed on this incarnation of a worker.
    pub fn place(
        &mut self,
        worker: NodeId,
        incarnation: u64,
        ticket: TicketId,
        placement: Placement,
    ) {
        let row = self.rows.entry(worker).or_default();
        row.page.place(incarnation, ticket, placement);
    }

    /// The reports as last heard, and when.
    pub fn reports(&self) -> impl Iterator<Item = (NodeId, &Report, Moment)> {
        self.rows.iter().filter_map(|(node, row)| {
            let (report, at) = row.heard.as_ref()?;
            Some((*node, report, *at))
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
