//! Jobs that come when they come, whether the ones before are done or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::errand::{Carried, Failed, errand};
use super::nodes::Nodes;
use super::user::User;
use super::work::Work;

/// When a job comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Since the run's beginning.
    pub at: Duration,
    /// Which kind of job.
    pub kind: usize,
}

/// Who brings what to whom.
#[derive(Debug, Clone)]
pub struct Load {
    /// They take turns.
    pub users: Vec<Arc<User>>,
    pub nodes: Arc<Nodes>,
    /// One of each kind.
    pub works: Vec<Arc<Work>>,
}

/// A job that was brought.
#[derive(Debug)]
pub struct Brought {
    pub kind: usize,
    /// When it was to come.
    pub asked: Instant,
    pub took: Duration,
    pub end: Result<Carried, Failed>,
}

impl Load {
    /// Starts each job at its time after `began`, gives it up after `bound`, and waits for all of them.
    ///
    /// # Errors
    /// When one of the jobs panicked.
    pub async fn bring(
        &self,
        plan: &[Arrival],
        began: Instant,
        bound: Duration,
    ) -> Result<Vec<Brought>, JoinError> {
        let mut running = JoinSet::new();
        for (at, Arrival { at: after, kind }) in plan.iter().copied().enumerate() {
            let asked = began + after;
            sleep_until(asked).await;
            let user = self.users[at % self.users.len()].clone();
            let (nodes, work) = (self.nodes.clone(), self.works[kind].clone());
            running.spawn(async move {
                let end = errand(&user, &nodes, &work, asked + bound).await;
                Brought {
                    kind,
                    asked,
                    took: asked.elapsed(),
                    end,
                }
            });
        }
        let mut brought = Vec::with_capacity(plan.len());
        while let Some(joined) = running.join_next().await {
            brought.push(joined?);
        }
        Ok(brought)
    }
}
