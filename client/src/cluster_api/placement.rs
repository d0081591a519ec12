//! Batching of placement requests: jobs that need a worker at the same time are placed by one call.
//!
//! A job that is being prepared is announced, and a call waits a short time for announced jobs.
//! Jobs that become ready during a call form the next batch. The leader places a batch as a whole,
//! the largest job first.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{
    ApiError, ErrorCode, MAX_JOBS_A_CALL, PlaceJob, PlaceJobs, Placed, PlacedJobs, Placement, paths,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{ClusterApi, ClusterError, Inner};

/// Bound on the wait of a ready job for jobs that are being prepared.
pub const BATCH_WINDOW: Duration = Duration::from_millis(300);

/// Jobs that wait for their placement.
#[derive(Debug, Default)]
pub(super) struct PlacementQueue {
    state: Mutex<State>,
    /// Notified when a job is no longer being prepared.
    ready: Notify,
    /// Held by the task that makes the call for the whole batch.
    calling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    announced: usize,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    job: PlaceJob,
    answer: oneshot::Sender<Result<Placed, ClusterError>>,
}

/// The announcement of a job that is being prepared, until it is dropped or passed to
/// [`ClusterApi::place_job`].
#[must_use]
pub struct JobAnnouncement(Arc<Inner>);

impl std::fmt::Debug for JobAnnouncement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JobAnnouncement")
    }
}

impl Drop for JobAnnouncement {
    fn drop(&mut self) {
        self.0.placement.state().announced -= 1;
        self.0.placement.ready.notify_one();
    }
}

impl PlacementQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn push(&self, job: &PlaceJob) -> oneshot::Receiver<Result<Placed, ClusterError>> {
        let (answer, answered) = oneshot::channel();
        let job = job.clone();
        self.state().waiting.push(Waiting { job, answer });
        answered
    }

    /// Waits until no job is being prepared, at most [`BATCH_WINDOW`].
    async fn gather(&self) {
        let end = Instant::now() + BATCH_WINDOW;
        while self.state().announced > 0 {
            if timeout_at(end, self.ready.notified()).await.is_err() {
                break;
            }
        }
    }

    /// Takes the oldest waiting jobs, as many as one call may have.
    fn take(&self) -> Vec<Waiting> {
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        let count = state.waiting.len().min(MAX_JOBS_A_CALL);
        state.waiting.drain(..count).collect()
    }
}

impl ClusterApi {
    /// Announces a job that will soon need a worker.
    pub fn announce_job(&self) -> JobAnnouncement {
        self.inner.placement.state().announced += 1;
        JobAnnouncement(Arc::clone(&self.inner))
    }

    /// Requests a worker, in one batch with the other jobs that need one now.
    ///
    /// # Errors
    /// `Busy` when no worker can take the job now.
    pub async fn place_job(
        &self,
        job: &PlaceJob,
        ready: Option<JobAnnouncement>,
    ) -> Result<Placed, ClusterError> {
        let queue = &self.inner.placement;
        let mut answered = queue.push(job);
        // Only after the push, so that no batch is sent without this job.
        drop(ready);
        loop {
            tokio::select! {
                biased;
                answer = &mut answered => match answer {
                    Ok(answer) => return answer,
                    // The task that made the call was cancelled.
                    Err(_) => answered = queue.push(job),
                },
                _calling = queue.calling.lock() => self.place_waiting().await,
            }
        }
    }

    async fn place_waiting(&self) {
        self.inner.placement.gather().await;
        let waiting = self.inner.placement.take();
        if waiting.is_empty() {
            return;
        }
        let jobs = waiting.iter().map(|waiting| waiting.job.clone()).collect();
        let answers = match self.place_jobs(jobs).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); waiting.len()],
        };
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            // The receiver may have been cancelled.
            let _ = waiting.answer.send(answer);
        }
    }

    /// Jobs that a node does not place, by its 200, are placed by way of another one: one node's
    /// word neither fails them nor has them wait.
    async fn place_jobs(
        &self,
        jobs: Vec<PlaceJob>,
    ) -> Result<Vec<Result<Placed, ClusterError>>, ClusterError> {
        let first = self.ask_to_place(jobs.clone()).await;
        let is_placed = |at: usize| matches!(&first, Ok(placed) if self.is_placed(&placed[at]));
        let left: Vec<usize> = (0..jobs.len()).filter(|at| !is_placed(*at)).collect();
        let may_lie = match &first {
            Ok(_) => !left.is_empty(),
            Err(error) => matches!(error, ClusterError::Protocol { .. }),
        };
        if !may_lie || self.voters() < 2 {
            return first.map(|placed| placed.into_iter().map(answer).collect());
        }
        self.ask_others_first(None).await;
        let again = left.iter().map(|at| jobs[*at].clone()).collect();
        let second = self.ask_to_place(again).await;
        let Ok(first) = first else {
            return second.map(|placed| placed.into_iter().map(answer).collect());
        };
        let mut second = second.map(Vec::into_iter).ok();
        let told = |(at, first): (usize, Placement)| {
            if !left.contains(&at) {
                return answer(first);
            }
            match second.as_mut().and_then(Iterator::next) {
                Some(again) if self.is_placed(&again) => answer(again),
                again => agreed(first, again),
            }
        };
        Ok(first.into_iter().enumerate().map(told).collect())
    }

    /// Whether a worker was named, by a ticket that counts.
    fn is_placed(&self, placement: &Placement) -> bool {
        matches!(placement, Placement::Placed(placed) if self.verified(placed).is_ok())
    }

    async fn ask_to_place(&self, jobs: Vec<PlaceJob>) -> Result<Vec<Placement>, ClusterError> {
        let asked = jobs.len();
        let request = PlaceJobs { jobs };
        let placed: PlacedJobs = self.post(paths::JOBS.to_owned(), &request).await?;
        if placed.jobs.len() == asked {
            return Ok(placed.jobs);
        }
        Err(ClusterError::Protocol {
            url: self.urls().into_iter().next().unwrap_or_default(),
            why: format!("{} answers to {asked} jobs", placed.jobs.len()),
        })
    }
}

fn answer(placement: Placement) -> Result<Placed, ClusterError> {
    match placement {
        Placement::Placed(placed) => Ok(placed),
        Placement::Refused(no) => Err(no.into()),
    }
}

/// What counts of the answers of two nodes that have not placed a job: that it has to wait, by the
/// word of either; another refusal only where both give it.
fn agreed(first: Placement, second: Option<Placement>) -> Result<Placed, ClusterError> {
    let refusals: Vec<ApiError> = [Some(first), second]
        .into_iter()
        .flatten()
        .filter_map(|placement| match placement {
            Placement::Refused(no) => Some(no),
            // Its ticket does not count.
            Placement::Placed(_) => None,
        })
        .collect();
    if let Some(busy) = refusals.iter().find(|no| no.code == ErrorCode::Busy) {
        return Err(busy.clone().into());
    }
    match refusals.as_slice() {
        [one, other] if one.code == other.code => Err(one.clone().into()),
        [one, ..] => Err(ClusterError::Unconfirmed(one.clone())),
        [] => Err(ClusterError::Unconfirmed(ApiError::new(
            ErrorCode::BadTicket,
            "no node of the cluster has signed the ticket",
        ))),
    }
}

#[cfg(test)]
impl ClusterApi {
    pub(crate) fn waiting_for_placement(&self) -> usize {
        self.inner.placement.state().waiting.len()
    }
}
