//! The leader's side: holds the reports and the book, decides, and signs tickets.
//!
//! Nothing of it is replicated. A new leader, and the same leader in a new term, starts with an empty book and
//! waits for the reports that ride on its first heartbeats.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cameo_common::api::{LoadInfo, PlaceJob, Placed};
use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::job::MAX_INPUT;
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use tokio::time::Instant;

use super::book::{Book, Placement};
use super::cost::CostModel;
use super::error::PlaceError;
use super::load::report::{Report, ReportError};
use super::placement::{Candidate, Choice, Decision, Heard, Question, decide};
use super::ticket::{MAX_CLOCK_SKEW, TICKET_LIFE, TicketId, millis};

/// With a longer wait than this on every worker, jobs are refused. Long enough for a few people's photos at once
/// on one small machine.
pub const MAX_PROJECTED_WAIT: Duration = Duration::from_secs(10);
/// Reports older than this, or than three heartbeats, make their node ineligible.
pub const MIN_STALE_AFTER: Duration = Duration::from_millis(300);
/// Most workers that one request excludes.
pub const MAX_EXCLUDED: usize = 64;
const MIN_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A member of the cluster, as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub node: NodeId,
    /// Base URL of its API.
    pub url: String,
    /// Not a learner.
    pub voter: bool,
}

/// What a placement needs to know of the moment.
#[derive(Debug, Clone)]
pub struct View {
    pub now: Instant,
    pub unix: Millis,
    pub cluster: ClusterId,
    pub term: u64,
    /// All members, this node included.
    pub members: Vec<Place>,
}

type DecisionLog = Box<dyn Fn(&Decision) + Send + Sync>;
type OwnReport = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Places jobs while this node leads.
pub struct Dispatcher {
    node: NodeId,
    key: Arc<SigningKey>,
    own_report: OwnReport,
    stale_after: Duration,
    log: Option<DecisionLog>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    term: Option<u64>,
    reports: BTreeMap<NodeId, (Report, Instant)>,
    book: Book,
    costs: CostModel,
    /// Workers of which it was said already that their reports cannot be read.
    unreadable: BTreeSet<NodeId>,
}

impl Dispatcher {
    /// A dispatcher of a node that does not lead yet. `own_report` makes the node's own load report, as
    /// `Reporter::report` does: heartbeats bring only those of the others.
    #[must_use]
    pub fn new(
        node: NodeId,
        key: Arc<SigningKey>,
        own_report: impl Fn() -> Vec<u8> + Send + Sync + 'static,
        heartbeat: Duration,
    ) -> Self {
        Self {
            node,
            key,
            own_report: Box::new(own_report),
            stale_after: (heartbeat * 3).max(MIN_STALE_AFTER),
            log: None,
            state: Mutex::default(),
        }
    }

    /// Has every decision told to `log`, one at a time; it must not block for long.
    #[must_use]
    pub fn on_decision(mut self, log: impl Fn(&Decision) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Tells the term in which this node leads, or that it does not.
    pub fn leads(&self, term: Option<u64>) {
        let mut state = self.lock();
        if state.term != term {
            // What was learned of costs stays true in any term.
            let costs = std::mem::take(&mut state.costs);
            *state = State {
                term,
                costs,
                ..State::default()
            };
        }
    }

    /// Takes a report that came with the reply to a heartbeat. Unreadable ones are dropped with a word to
    /// the log: their node becomes ineligible by silence.
    pub fn received(&self, from: NodeId, report: &[u8], at: Instant) {
        match Report::decode(report) {
            Ok(report) => self.lock().heard(from, report, at),
            Err(why) => self.lock().unreadable(from, why),
        }
    }

    /// Chooses a worker for a job of `client`, a device, and signs a ticket for it. `seed` is random.
    ///
    /// # Errors
    /// When this node does not lead in the view's term, no worker can take the job, or the request is
    /// over a limit.
    pub fn place(
        &self,
        request: &PlaceJob,
        client: PublicKey,
        view: &View,
        seed: u64,
    ) -> Result<Placed, PlaceError> {
        if request.size > MAX_INPUT as u64 {
            return Err(PlaceError::TooLarge);
        }
        if request.exclude.len() > MAX_EXCLUDED {
            return Err(PlaceError::TooManyExcluded(MAX_EXCLUDED));
        }
        self.received(self.node, &(self.own_report)(), view.now);
        // Locked until the placement is in the book, so that the next one sees it.
        let mut state = self.lock();
        if state.term != Some(view.term) {
            return Err(PlaceError::NotLeader);
        }
        state.forget_strangers(&view.members);
        let cost_ms = state.costs.predict(request.size);
        let decision = decide(self.question(&state, request, cost_ms, view, seed));
        if let Some(log) = &self.log {
            log(&decision);
        }
        let worker = chosen(&decision)?;
        let member = view.members.iter().find(|member| member.node == worker);
        let (Some(member), Some((report, _))) = (member, state.reports.get(&worker)) else {
            unreachable!("only members that have reported are candidates with a score");
        };
        let incarnation = report.incarnation;
        let ticket = self.sign(request, client, view, worker, incarnation);
        let placement = Placement {
            size: request.size,
            cost_ms,
            expires: view.now + TICKET_LIFE + 2 * MAX_CLOCK_SKEW,
        };
        let id = TicketId::of(&ticket);
        state.book.place(worker, incarnation, id, placement);
        Ok(Placed {
            worker,
            url: member.url.clone(),
            leader: self.node,
            ticket,
        })
    }

    fn question(
        &self,
        state: &State,
        request: &PlaceJob,
        cost_ms: u64,
        view: &View,
        seed: u64,
    ) -> Question {
        let candidate = |member: &Place| Candidate {
            node: member.node,
            voter: member.voter,
            leader: member.node == self.node,
            excluded: request.exclude.contains(&member.node) || state.book.is_full(member.node),
            heard: state.reports.get(&member.node).map(|(report, at)| Heard {
                age_ms: millis(view.now.saturating_duration_since(*at)),
                usable_millicores: report.usable_millicores,
                cpu_share_permille: report.cpu_share_permille,
                backlog_cpu_ms: report.backlog_cpu_ms,
                draining: report.draining,
            }),
            booked_cpu_ms: state.book.booked_cpu_ms(member.node),
        };
        Question {
            term: view.term,
            job: request.job,
            cost_ms,
            stale_after_ms: millis(self.stale_after),
            max_wait_ms: millis(MAX_PROJECTED_WAIT),
            seed,
            candidates: view.members.iter().map(candidate).collect(),
        }
    }

    fn sign(
        &self,
        request: &PlaceJob,
        client: PublicKey,
        view: &View,
        worker: NodeId,
        incarnation: u64,
    ) -> Signed<Ticket> {
        let ticket = Ticket {
            leader: self.key.public(),
            cluster: view.cluster,
            job: request.job,
            client,
            input: request.input,
            size: request.size,
            worker,
            incarnation,
            term: view.term,
            not_after: view.unix.saturating_add(millis(TICKET_LIFE)),
        };
        Signed::new(&self.key, ticket)
    }

    /// The loads as last heard, for people. Empty while this node does not lead.
    #[must_use]
    pub fn loads(&self, now: Instant) -> BTreeMap<NodeId, LoadInfo> {
        self.received(self.node, &(self.own_report)(), now);
        let state = self.lock();
        let told = state.reports.iter();
        told.map(|(node, (report, at))| (*node, load_info(report, *at, now)))
            .collect()
    }

    /// The state is whole between any two of its changes, so a panicked thread leaves it usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("node", &self.node)
            .field("term", &self.lock().term)
            .finish_non_exhaustive()
    }
}

impl State {
    fn heard(&mut self, from: NodeId, report: Report, at: Instant) {
        if self.term.is_none() {
            return;
        }
        let Some(finished) = self.book.heard(from, &report, at) else {
            return;
        };
        for job in finished {
            self.costs.learn(job.size, job.cpu_ms);
        }
        self.reports.insert(from, (report, at));
    }

    /// One line a worker and term, not one a heartbeat.
    fn unreadable(&mut self, from: NodeId, why: ReportError) {
        if self.term.is_some() && self.unreadable.insert(from) {
            tracing::warn!(node = from, %why, "a load report cannot be read");
        }
    }

    /// Drops what is kept of nodes that were removed. They are no candidates anyway: this bounds memory, and
    /// costs nothing while the members stay the same.
    fn forget_strangers(&mut self, members: &[Place]) {
        if self.reports.len() > members.len() {
            let members: BTreeSet<NodeId> = members.iter().map(|member| member.node).collect();
            self.reports.retain(|node, _| members.contains(node));
            self.unreadable.retain(|node| members.contains(node));
            self.book.keep(|node| members.contains(&node));
        }
    }
}

fn chosen(decision: &Decision) -> Result<NodeId, PlaceError> {
    let wait = match decision.choice {
        Choice::Worker(node) => return Ok(node),
        Choice::Busy { least_wait_us } => {
            Duration::from_micros(least_wait_us).saturating_sub(MAX_PROJECTED_WAIT)
        }
        Choice::Nobody => MIN_RETRY_AFTER,
    };
    Err(PlaceError::Busy {
        retry_after: wait.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER),
    })
}

fn load_info(report: &Report, at: Instant, now: Instant) -> LoadInfo {
    LoadInfo {
        cpu_share: f64::from(report.cpu_share_permille) / 1000.0,
        quota_millicores: report.quota_millicores,
        usable_millicores: report.usable_millicores,
        running: report.running,
        queued: report.queued,
        backlog_cpu_ms: report.backlog_cpu_ms,
        draining: report.draining,
        age_ms: millis(now.saturating_duration_since(at)),
    }
}

#[cfg(test)]
mod tests;
