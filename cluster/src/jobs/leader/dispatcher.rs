//! The dispatcher: keeps the load reports and the reservations, decides placements, and signs
//! tickets.
//!
//! Nothing of this is replicated. A new leader, and the same leader in a new term, starts without
//! reservations and waits for the load reports in the replies to its first heartbeats.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_codec::job::MAX_INPUT;
use cameo_common::api::{LoadInfo, PlaceJob, Placed};
use cameo_common::ids::{ClusterId, JobId, Millis, NodeId, whole_millis};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
#[cfg(feature = "baselines")]
use cameo_dispatch::Policy;
use cameo_dispatch::{
    Choice, CostModel, Decision, Job, Member, Moment, Report, ReportError, Reservation, Scheduler,
    Settings, TicketId,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::decision_counts::DecisionCounts;
use super::error::PlaceError;
use crate::jobs::ticket::{MAX_CLOCK_SKEW, TICKET_LIFE};

/// Jobs of any size are refused when every worker's queueing delay is longer than this.
pub const MAX_PROJECTED_WAIT: Duration = Duration::from_secs(1);
/// Reports older than this, or than three heartbeats, make their node ineligible.
pub const MIN_STALE_AFTER: Duration = Duration::from_millis(300);
/// Most workers that one request may exclude.
pub const MAX_EXCLUDED: usize = 64;
const MIN_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A member of the cluster, as a candidate for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementMember {
    pub node: NodeId,
    pub key: PublicKey,
    /// Base URL of its API.
    pub url: String,
    /// False for learners.
    pub voter: bool,
}

/// Time, term and members for a placement.
#[derive(Debug, Clone)]
pub struct PlacementContext {
    pub now: Instant,
    pub unix: Millis,
    pub cluster: ClusterId,
    pub term: u64,
    /// All members, this node included.
    pub members: Vec<PlacementMember>,
}

type OnDecision = Box<dyn Fn(&Decision) + Send + Sync>;
type LocalReport = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Places jobs while this node leads.
pub struct Dispatcher {
    node: NodeId,
    key: Arc<SigningKey>,
    local_report: LocalReport,
    settings: Settings,
    /// The zero of the scheduler's moments.
    origin: Instant,
    log: Option<OnDecision>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// While this node leads.
    scheduler: Option<Scheduler>,
    /// When the scheduler was created.
    began: Moment,
    /// The cost model that earlier terms learned, while there is no scheduler.
    costs: CostModel,
    decided: DecisionCounts,
    /// Workers whose unreadable reports have been logged already.
    unreadable: BTreeSet<NodeId>,
}

impl Dispatcher {
    /// A dispatcher on a node that does not lead yet. `local_report` makes the node's own load
    /// report, as `Reporter::report` does: heartbeats bring only those of the other nodes.
    #[must_use]
    pub fn new(
        node: NodeId,
        key: Arc<SigningKey>,
        local_report: impl Fn() -> Vec<u8> + Send + Sync + 'static,
        heartbeat: Duration,
    ) -> Self {
        Self {
            node,
            key,
            local_report: Box::new(local_report),
            settings: Settings::new((heartbeat * 3).max(MIN_STALE_AFTER), MAX_PROJECTED_WAIT),
            origin: Instant::now(),
            log: None,
            state: Mutex::default(),
        }
    }

    /// Places by a baseline policy, on reports of this age. For benchmarks.
    #[cfg(feature = "baselines")]
    #[must_use]
    pub fn with_baseline(mut self, policy: Policy, reports_every: Duration) -> Self {
        self.settings = self.settings.with_baseline(policy, reports_every);
        self.settings.stale_after += reports_every;
        self
    }

    /// Passes every decision to `log`, one at a time; it must not block for long.
    #[must_use]
    pub fn on_decision(mut self, log: impl Fn(&Decision) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Sets the term in which this node leads, or none. Each term begins with a new scheduler.
    pub fn set_term(&self, term: Option<u64>) {
        let mut state = self.state.lock();
        if state.scheduler.as_ref().map(Scheduler::term) == term {
            return;
        }
        if let Some(scheduler) = state.scheduler.take() {
            state.costs = scheduler.into_costs();
        }
        state.unreadable.clear();
        state.began = self.moment(Instant::now());
        state.scheduler = term.map(|term| {
            let costs = std::mem::take(&mut state.costs);
            Scheduler::new(self.node, term, self.settings, costs)
        });
    }

    /// Records a load report that came in the reply to a heartbeat. Unreadable ones are logged and
    /// dropped, so that their node becomes ineligible as its last report ages.
    pub fn record_report(&self, from: NodeId, report: &[u8], at: Instant) {
        let report = Report::decode(report);
        let mut state = self.state.lock();
        match (&mut state.scheduler, report) {
            (Some(scheduler), Ok(report)) => scheduler.follow(from, report, self.moment(at)),
            (Some(_), Err(why)) => state.unreadable(from, why),
            (None, _) => {}
        }
    }

    /// Chooses a worker for each of these jobs of one client device, and signs tickets. The jobs
    /// are placed together, the largest first, so that small ones fill the remaining capacity; the
    /// answers are in the order of the requests. `seed` is random.
    ///
    /// # Errors
    /// When this node does not lead in the context's term, or has no report yet after its election:
    /// retry. When a job occurs twice. Otherwise each job has its own result.
    pub fn place_all(
        &self,
        requests: &[PlaceJob],
        client: PublicKey,
        context: &PlacementContext,
        seed: u64,
    ) -> Result<Vec<Result<Placed, PlaceError>>, PlaceError> {
        self.record_report(self.node, &(self.local_report)(), context.now);
        // Locked until the placements are reserved, so that the next ones take them into account.
        let State {
            scheduler,
            decided,
            began,
            ..
        } = &mut *self.state.lock();
        let scheduler = scheduler
            .as_mut()
            .filter(|scheduler| scheduler.term() == context.term);
        let scheduler = scheduler.ok_or(PlaceError::NotLeader)?;
        scheduler.set_members(context.members.iter().map(|member| Member {
            node: member.node,
            voter: member.voter,
        }));
        // Without the first heartbeats' reports, the leader would choose itself over idle workers.
        let waited = self.moment(context.now).saturating_sub(*began);
        if scheduler.awaits_first_report() && waited < self.settings.stale_after {
            return Err(PlaceError::NotLeader);
        }
        if let Some(job) = duplicate(requests) {
            return Err(PlaceError::DuplicateJob(job));
        }
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|at| Reverse(scheduler.predict(requests[*at].size)));
        let mut batch = Batch {
            dispatcher: self,
            scheduler,
            decided,
            client,
            context,
        };
        let mut placed = vec![Err(PlaceError::NotLeader); requests.len()];
        for (nth, at) in (0..).zip(order) {
            placed[at] = batch.place(&requests[at], seed.wrapping_add(nth));
        }
        Ok(placed)
    }

    /// Decisions since the process started.
    #[must_use]
    pub fn decided(&self) -> DecisionCounts {
        self.state.lock().decided
    }

    /// The latest loads, for display. Empty while this node does not lead.
    #[must_use]
    pub fn loads(&self, now: Instant) -> BTreeMap<NodeId, LoadInfo> {
        self.record_report(self.node, &(self.local_report)(), now);
        let now = self.moment(now);
        let state = self.state.lock();
        let reports = state.scheduler.iter().flat_map(Scheduler::reports);
        reports
            .map(|(node, report, at)| (node, load_info(report, now.saturating_sub(at))))
            .collect()
    }

    fn moment(&self, at: Instant) -> Moment {
        at.saturating_duration_since(self.origin)
    }
}

/// The placements of one call, while the dispatcher's state is locked.
struct Batch<'a> {
    dispatcher: &'a Dispatcher,
    scheduler: &'a mut Scheduler,
    decided: &'a mut DecisionCounts,
    client: PublicKey,
    context: &'a PlacementContext,
}

impl Batch<'_> {
    /// Places one job: decides, signs a ticket, and reserves its time at the worker.
    fn place(&mut self, request: &PlaceJob, seed: u64) -> Result<Placed, PlaceError> {
        within_limits(request)?;
        let now = self.dispatcher.moment(self.context.now);
        let decision = self.decide(request, now, seed)?;
        let (worker, finish) = chosen_worker(&decision)?;
        let mut members = self.context.members.iter();
        let member = members.find(|member| member.node == worker);
        let (Some(member), Some(incarnation)) = (member, self.scheduler.incarnation(worker)) else {
            unreachable!("only members that have reported are candidates with a score");
        };
        let ticket = self.sign(request, member, incarnation);
        let reservation = Reservation {
            client: self.client,
            job: request.job,
            size: request.size,
            cost_ms: decision.input.cost_ms,
            expires: now + TICKET_LIFE + 2 * MAX_CLOCK_SKEW,
        };
        let id = TicketId::of(&ticket);
        self.scheduler.reserve(worker, incarnation, id, reservation);
        Ok(Placed {
            worker,
            leader: self.dispatcher.node,
            expected_ms: whole_millis(finish),
            ticket,
        })
    }

    /// The decision on a job, logged and counted.
    fn decide(
        &mut self,
        request: &PlaceJob,
        now: Moment,
        seed: u64,
    ) -> Result<Decision, PlaceError> {
        let job = Job {
            id: request.job,
            size: request.size,
            exclude: &request.exclude,
        };
        self.scheduler.release(&self.client, request.job);
        if self.scheduler.is_over_quota(&self.client, now) {
            self.decided.own_share += 1;
            return Err(PlaceError::OverQuota);
        }
        let decision = self.scheduler.decide(&job, now, seed);
        if let Some(log) = &self.dispatcher.log {
            log(&decision);
        }
        self.decided.count(&decision.choice);
        Ok(decision)
    }

    fn sign(
        &self,
        request: &PlaceJob,
        worker: &PlacementMember,
        incarnation: u64,
    ) -> Signed<Ticket> {
        let key = &self.dispatcher.key;
        let ticket = Ticket {
            leader: key.public(),
            cluster: self.context.cluster,
            job: request.job,
            client: self.client,
            input: request.input,
            size: request.size,
            worker: worker.node,
            worker_key: worker.key,
            url: worker.url.clone(),
            incarnation,
            term: self.context.term,
            not_after: self.context.unix.plus(TICKET_LIFE),
        };
        Signed::new(key, ticket)
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("node", &self.node)
            .field(
                "term",
                &self.state.lock().scheduler.as_ref().map(Scheduler::term),
            )
            .finish_non_exhaustive()
    }
}

impl State {
    /// Logs once a worker and term, not once a heartbeat.
    fn unreadable(&mut self, from: NodeId, why: ReportError) {
        if self.unreadable.insert(from) {
            tracing::warn!(
                node = from.0, %why,
                "cannot decode a load report; the node gets no jobs until one is readable"
            );
        }
    }
}

/// A job that occurs twice.
fn duplicate(requests: &[PlaceJob]) -> Option<JobId> {
    let mut seen = BTreeSet::new();
    let jobs = requests.iter().map(|request| request.job);
    jobs.into_iter().find(|job| !seen.insert(*job))
}

fn within_limits(request: &PlaceJob) -> Result<(), PlaceError> {
    if request.size > MAX_INPUT as u64 {
        return Err(PlaceError::TooLarge);
    }
    if request.exclude.len() > MAX_EXCLUDED {
        return Err(PlaceError::TooManyExcluded(MAX_EXCLUDED));
    }
    Ok(())
}

/// The chosen worker, and the projected time until the job is done.
fn chosen_worker(decision: &Decision) -> Result<(NodeId, Duration), PlaceError> {
    let wait = match decision.choice {
        Choice::Worker(node) => {
            let score = decision.score(node);
            let finish = score.map_or(0, |score| score.finish_us);
            return Ok((node, Duration::from_micros(finish)));
        }
        Choice::Busy { least_wait_us } => {
            Duration::from_micros(least_wait_us).saturating_sub(MAX_PROJECTED_WAIT)
        }
        Choice::Full | Choice::Nobody => MIN_RETRY_AFTER,
    };
    Err(PlaceError::Busy {
        retry_after: wait.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER),
    })
}

/// A report as the API shows it.
pub(crate) fn load_info(report: &Report, age: Duration) -> LoadInfo {
    LoadInfo {
        cpu_share: f64::from(report.cpu_share_permille) / 1000.0,
        quota_millicores: report.quota_millicores,
        usable_millicores: report.usable_millicores,
        running: report.running,
        queued: report.queued,
        backlog_cpu_ms: report.backlog_cpu_ms,
        incoming: report.incoming,
        draining: report.draining,
        full: report.full,
        age_ms: whole_millis(age),
    }
}

#[cfg(test)]
mod tests;
