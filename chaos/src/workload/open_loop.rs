//! An open loop: jobs start at their planned times, whether earlier ones have ended or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::job::{JobDone, JobFailed, run_job};
use super::nodes::Nodes;
use super::user::User;
use super::work::Work;

/// The planned start of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Time since the start of the run.
    pub at: Duration,
    /// Index of its input in [`OpenLoop::works`].
    pub kind: usize,
}

/// Users, nodes and inputs of a run.
#[derive(Debug, Clone)]
pub struct OpenLoop {
    /// Used in turn.
    pub users: Vec<Arc<User>>,
    pub nodes: Arc<Nodes>,
    /// One input of each kind.
    pub works: Vec<Arc<Work>>,
}

/// A job that has ended.
#[derive(Debug)]
pub struct JobOutcome {
    pub kind: usize,
    /// Its planned start.
    pub asked: Instant,
    pub took: Duration,
    pub end: Result<JobDone, JobFailed>,
}

impl OpenLoop {
    /// Starts each job at its time after `began`, abandons it after `bound`, and waits for all.
    ///
    /// # Errors
    /// When one of the jobs panicked.
    pub async fn run(
        &self,
        plan: &[Arrival],
        began: Instant,
        bound: Duration,
    ) -> Result<Vec<JobOutcome>, JoinError> {
        let mut running = JoinSet::new();
        for (at, Arrival { at: after, kind }) in plan.iter().copied().enumerate() {
            let asked = began + after;
            sleep_until(asked).await;
            let user = self.users[at % self.users.len()].clone();
            let (nodes, work) = (self.nodes.clone(), self.works[kind].clone());
            running.spawn(async move {
                let end = run_job(&user, &nodes, &work, asked + bound).await;
                JobOutcome {
                    kind,
                    asked,
                    took: asked.elapsed(),
                    end,
                }
            });
        }
        let mut outcomes = Vec::with_capacity(plan.len());
        while let Some(joined) = running.join_next().await {
            outcomes.push(joined?);
        }
        Ok(outcomes)
    }
}
