//! Jobs that want a worker at the same time are placed by one call.
//!
//! Whoever is about to have a job says so, and a call waits a little for those; jobs that become ready while a call
//! is under way go together in the next. The leader then places them as a whole, the largest first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cameo_common::api::{
    MAX_JOBS_A_CALL, PlaceJob, PlaceJobs, Placed, PlacedJobs, Placement, paths,
};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{ClusterApi, ClusterError, Inner};

/// How long a job that is ready waits for others that are being made ready.
pub const GATHER: Duration = Duration::from_millis(300);

/// Jobs on their way to the leader.
#[derive(Debug, Default)]
pub(super) struct Placing {
    state: Mutex<State>,
    /// One job less is being made ready.
    ready: Notify,
    /// Held by whoever asks for all.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    preparing: usize,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    job: PlaceJob,
    answer: oneshot::Sender<Result<Placed, ClusterError>>,
}

/// A job is being made ready, until this is dropped or handed in.
#[must_use]
pub struct Preparing(Arc<Inner>);

impl std::fmt::Debug for Preparing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Preparing")
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        self.0.placing.state().preparing -= 1;
        self.0.placing.ready.notify_one();
    }
}

impl Placing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: &PlaceJob) -> oneshot::Receiver<Result<Placed, ClusterError>> {
        let (answer, answered) = oneshot::channel();
        let job = job.clone();
        self.state().waiting.push(Waiting { job, answer });
        answered
    }

    /// Waits until nobody makes a job ready, within bounds.
    async fn gather(&self) {
        let end = Instant::now() + GATHER;
        while self.state().preparing > 0 {
            if timeout_at(end, self.ready.notified()).await.is_err() {
                break;
            }
        }
    }

    /// The oldest that wait, as many as one call may have.
    fn take(&self) -> Vec<Waiting> {
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        let count = state.waiting.len().min(MAX_JOBS_A_CALL);
        state.waiting.drain(..count).collect()
    }
}

impl ClusterApi {
    /// Says that a job will soon want a worker.
    pub fn preparing(&self) -> Preparing {
        self.inner.placing.state().preparing += 1;
        Preparing(Arc::clone(&self.inner))
    }

    /// Asks for a worker, together with whoever else wants one now.
    ///
    /// # Errors
    /// `Busy` when no worker can take the job now.
    pub async fn place_job(
        &self,
        job: &PlaceJob,
        ready: Option<Preparing>,
    ) -> Result<Placed, ClusterError> {
        let placing = &self.inner.placing;
        let mut answered = placing.push(job);
        // Only now, so that nobody goes ahead without this job.
        drop(ready);
        loop {
            tokio::select! {
                biased;
                answer = &mut answered => match answer {
                    Ok(answer) => return answer,
                    // Whoever asked for all was given up meanwhile.
                    Err(_) => answered = placing.push(job),
                },
                _turn = placing.turn.lock() => self.place_waiting().await,
            }
        }
    }

    async fn place_waiting(&self) {
        self.inner.placing.gather().await;
        let waiting = self.inner.placing.take();
        if waiting.is_empty() {
            return;
        }
        let jobs = waiting.iter().map(|waiting| waiting.job.clone()).collect();
        let placed = self.place_jobs(jobs).await;
        let answers: Vec<Result<Placed, ClusterError>> = match placed {
            Ok(answers) => answers.into_iter().map(answer).collect(),
            Err(error) => vec![Err(error); waiting.len()],
        };
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            // Who has gone does not want to know.
            let _ = waiting.answer.send(answer);
        }
    }

    async fn place_jobs(&self, jobs: Vec<PlaceJob>) -> Result<Vec<Placement>, ClusterError> {
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

#[cfg(test)]
impl ClusterApi {
    pub(crate) fn waiting_for_placement(&self) -> usize {
        self.inner.placing.state().waiting.len()
    }
}
