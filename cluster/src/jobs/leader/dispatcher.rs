//! The leader's side: holds the reports and the reservations, decides, and signs tickets.
//!
//! Nothing of it is replicated. A new leader, and the same leader in a new term, starts with an empty book and
//! waits for the reports that ride on its first heartbeats.

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
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::error::PlaceError;
use super::ticket::{MAX_CLOCK_SKEW, TICKET_LIFE};

/// With a longer wait than this on every worker, jobs are refused, large and small alike.
pub const MAX_PROJECTED_WAIT: Duration = Duration::from_secs(1);
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
pub struct PlacementContext {
    pub now: Instant,
    pub unix: Millis,
    pub cluster: ClusterId,
    pub term: u64,
    /// All members, this node included.
    pub members: Vec<Place>,
}

type OnDecision = Box<dyn Fn(&Decision) + Send + Sync>;
type OwnReport = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

/// What was decided since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecisionCounts {
    /// A worker was named.
    pub worker: u64,
    /// Every worker's wait was too long, or all were full.
    pub busy: u64,
    /// No node could take the job.
    pub nobody: u64,
    /// Nothing was decided: the client has reserved its share, and uses none of it.
    pub own_share: u64,
}

/// Places jobs while this node leads.
pub struct Dispatcher {
    node: NodeId,
    key: Arc<SigningKey>,
    own_report: OwnReport,
    settings: Settings,
    /// What the scheduler's moments are counted from.
    origin: Instant,
    log: Option<OnDecision>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// While this node leads.
    scheduler: Option<Scheduler>,
    /// When the scheduler was set up.
    began: Moment,
    /// What earlier terms learned, while there is no scheduler.
    costs: CostModel,
    decided: DecisionCounts,
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
            settings: Settings::new((heartbeat * 3).max(MIN_STALE_AFTER), MAX_PROJECTED_WAIT),
            origin: Instant::now(),
            log: None,
            state: Mutex::default(),
        }
    }

    /// Places by a baseline policy, on reports as old as this: for benchmarks.
    #[cfg(feature = "baselines")]
    #[must_use]
    pub fn with_baseline(mut self, policy: Policy, reports_every: Duration) -> Self {
        self.settings = self.settings.with_baseline(policy, reports_every);
        self.settings.stale_after += reports_every;
        self
    }

    /// Has every decision told to `log`, one at a time; it must not block for long.
    #[must_use]
    pub fn on_decision(mut self, log: impl Fn(&Decision) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Tells the term in which this node leads, or that it does not. Each term begins with an empty scheduler.
    pub fn leads(&self, term: Option<u64>) {
        let mut state = self.lock();
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

    /// Takes a report that came with the reply to a heartbeat. Unreadable ones are dropped with a word to
    /// the log: their node becomes ineligible by silence.
    pub fn received(&self, from: NodeId, report: &[u8], at: Instant) {
        let report = Report::decode(report);
        let mut state = self.lock();
        match (&mut state.scheduler, report) {
            (Some(scheduler), Ok(report)) => scheduler.follow(from, report, self.moment(at)),
            (Some(_), Err(why)) => state.unreadable(from, why),
            (None, _) => {}
        }
    }

    /// Chooses a worker for each of these jobs of `client`, a device, and signs tickets. They are placed as a
    /// whole, the largest first, so that small ones fill what the large ones leave; the answers are in the
    /// order asked. `seed` is random.
    ///
    /// # Errors
    /// When this node does not lead in the context's term, or has only just begun to and heard nobody yet: to be asked
    /// again. When a job is there twice. Each job has its own answer otherwise.
    pub fn place_all(
        &self,
        requests: &[PlaceJob],
        client: PublicKey,
        context: &PlacementContext,
        seed: u64,
    ) -> Result<Vec<Result<Placed, PlaceError>>, PlaceError> {
        self.received(self.node, &(self.own_report)(), context.now);
        // Locked until the placements are in the reservations, so that the next ones see them.
        let State {
            scheduler,
            decided,
            began,
            ..
        } = &mut *self.lock();
        let scheduler = scheduler
            .as_mut()
            .filter(|scheduler| scheduler.term() == context.term);
        let scheduler = scheduler.ok_or(PlaceError::NotLeader)?;
        scheduler.set_members(context.members.iter().map(|place| Member {
            node: place.node,
            voter: place.voter,
        }));
        // The first heartbeats are on their way: or the leader would do the work that others have time for.
        let waited = self.moment(context.now).saturating_sub(*began);
        if scheduler.awaits_first_report() && waited < self.settings.stale_after {
            return Err(PlaceError::NotLeader);
        }
        if let Some(job) = twice(requests) {
            return Err(PlaceError::Twice(job));
        }
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|at| Reverse(scheduler.predict(requests[*at].size)));
        let mut placed = vec![Err(PlaceError::NotLeader); requests.len()];
        for (nth, at) in (0..).zip(order) {
            let (request, seed) = (&requests[at], seed.wrapping_add(nth));
            placed[at] = within_limits(request)
                .and_then(|()| self.place_at(scheduler, decided, request, client, context, seed));
        }
        Ok(placed)
    }

    fn place_at(
        &self,
        scheduler: &mut Scheduler,
        decided: &mut DecisionCounts,
        request: &PlaceJob,
        client: PublicKey,
        context: &PlacementContext,
        seed: u64,
    ) -> Result<Placed, PlaceError> {
        let now = self.moment(context.now);
        let job = Job {
            id: request.job,
            size: request.size,
            exclude: &request.exclude,
        };
        scheduler.release(&client, request.job);
        if scheduler.is_over_quota(&client, now) {
            decided.own_share += 1;
            return Err(PlaceError::TooManyReserved);
        }
        let decision = scheduler.decide(&job, now, seed);
        if let Some(log) = &self.log {
            log(&decision);
        }
        decided.count(&decision.choice);
        let (worker, finish) = chosen(&decision)?;
        let member = context.members.iter().find(|member| member.node == worker);
        let (Some(member), Some(incarnation)) = (member, scheduler.incarnation(worker)) else {
            unreachable!("only members that have reported are candidates with a score");
        };
        let ticket = self.sign(request, client, context, worker, incarnation);
        let reservation = Reservation {
            client,
            job: request.job,
            size: request.size,
            cost_ms: decision.input.cost_ms,
            expires: now + TICKET_LIFE + 2 * MAX_CLOCK_SKEW,
        };
        scheduler.reserve(worker, incarnation, TicketId::of(&ticket), reservation);
        Ok(Placed {
            worker,
            url: member.url.clone(),
            leader: self.node,
            expected_ms: whole_millis(finish),
            ticket,
        })
    }

    fn sign(
        &self,
        request: &PlaceJob,
        client: PublicKey,
        context: &PlacementContext,
        worker: NodeId,
        incarnation: u64,
    ) -> Signed<Ticket> {
        let ticket = Ticket {
            leader: self.key.public(),
            cluster: context.cluster,
            job: request.job,
            client,
            input: request.input,
            size: request.size,
            worker,
            incarnation,
            term: context.term,
            not_after: context.unix.plus(TICKET_LIFE),
        };
        Signed::new(&self.key, ticket)
    }

    /// What was decided since the process started.
    #[must_use]
    pub fn decided(&self) -> DecisionCounts {
        self.lock().decided
    }

    /// The loads as last heard, for people. Empty while this node does not lead.
    #[must_use]
    pub fn loads(&self, now: Instant) -> BTreeMap<NodeId, LoadInfo> {
        self.received(self.node, &(self.own_report)(), now);
        let now = self.moment(now);
        let state = self.lock();
        let reports = state.scheduler.iter().flat_map(Scheduler::reports);
        reports
            .map(|(node, report, at)| (node, load_info(report, now.saturating_sub(at))))
            .collect()
    }

    fn moment(&self, at: Instant) -> Moment {
        at.saturating_duration_since(self.origin)
    }

    /// The state is whole between any two of its changes, so a panicked thread leaves it usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("node", &self.node)
            .field("term", &self.lock().scheduler.as_ref().map(Scheduler::term))
            .finish_non_exhaustive()
    }
}

impl DecisionCounts {
    fn count(&mut self, choice: &Choice) {
        match choice {
            Choice::Worker(_) => self.worker += 1,
            Choice::Busy { .. } | Choice::Full => self.busy += 1,
            Choice::Nobody => self.nobody += 1,
        }
    }
}

impl State {
    /// One line a worker and term, not one a heartbeat.
    fn unreadable(&mut self, from: NodeId, why: ReportError) {
        if self.unreadable.insert(from) {
            tracing::warn!(node = from.0, %why, "a load report cannot be read");
        }
    }
}

/// A job that is asked for twice.
fn twice(requests: &[PlaceJob]) -> Option<JobId> {
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

/// The worker, and when it will have done the job, by projection.
fn chosen(decision: &Decision) -> Result<(NodeId, Duration), PlaceError> {
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

/// A report as people are told of it.
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
