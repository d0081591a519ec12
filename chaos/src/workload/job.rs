//! One job from its placement to the PNG, with the retries of a client.

use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ErrorCode, PlaceJob};
use cameo_common::ids::{JobId, NodeId};
use tokio::time::{Instant, sleep, timeout_at};

use super::nodes::Nodes;
use super::rng::random;
use super::user::{Refused, User};
use super::work::Work;

/// Pause after a node that does not answer.
const PAUSE: Duration = Duration::from_millis(20);
/// Workers on which a job may be lost: one retry, elsewhere.
const MAX_LOST: usize = 1;

/// A job that was done.
#[derive(Debug, Clone)]
pub struct JobDone {
    pub job: JobId,
    pub worker: NodeId,
    /// The node that placed it.
    pub leader: NodeId,
    /// Workers on which the job was lost before.
    pub lost_on: Vec<NodeId>,
    pub png: Bytes,
    /// Bytes uploaded and downloaded by the last try.
    pub bytes: usize,
    pub ended: Instant,
}

/// The failure of a job, visible to its client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JobFailed {
    #[error("no worker did it in time; the last error was: {0}")]
    Late(String),
    #[error("two workers lost it, the second: {0}")]
    Lost(String),
    #[error("refused permanently: {0}")]
    Refused(Refused),
}

/// Runs `work` before the deadline. A busy cluster is asked again after the time that it names; the
/// one retry excludes the lost worker.
pub async fn run_job(
    user: &User,
    nodes: &Nodes,
    work: &Work,
    deadline: Instant,
) -> Result<JobDone, JobFailed> {
    let mut attempt = Attempt {
        user,
        nodes,
        work,
        place: PlaceJob {
            job: JobId(random()),
            input: work.hash,
            size: work.size(),
            exclude: Vec::new(),
        },
        last: String::from("none"),
    };
    let done = timeout_at(deadline, attempt.run()).await;
    done.unwrap_or_else(|_| Err(JobFailed::Late(attempt.last)))
}

struct Attempt<'a> {
    user: &'a User,
    nodes: &'a Nodes,
    work: &'a Work,
    place: PlaceJob,
    last: String,
}

impl Attempt<'_> {
    async fn run(&mut self) -> Result<JobDone, JobFailed> {
        loop {
            let url = self.nodes.preferred();
            let placed = match self.user.place(url, &self.place).await {
                Ok(placed) => placed,
                Err(refused) => {
                    self.after_placement(url, refused).await?;
                    continue;
                }
            };
            let input = self.work.input.clone();
            match self.user.run(&placed, input).await {
                Ok(png) => {
                    return Ok(JobDone {
                        job: self.place.job,
                        worker: placed.worker,
                        leader: placed.leader,
                        lost_on: self.place.exclude.clone(),
                        bytes: self.work.input.len() + png.len(),
                        png,
                        ended: Instant::now(),
                    });
                }
                Err(refused) => self.after_worker(placed.worker, refused).await?,
            }
        }
    }

    /// Prepares a retry after a placement was refused, or the node did not answer.
    async fn after_placement(&mut self, url: &str, refused: Refused) -> Result<(), JobFailed> {
        self.last = refused.to_string();
        if let Some(pause) = refused.busy_for() {
            sleep(pause).await;
            return Ok(());
        }
        match &refused {
            Refused::Api(error) if !is_retryable(error.code) => Err(JobFailed::Refused(refused)),
            _ => {
                self.nodes.avoid(url);
                sleep(PAUSE).await;
                Ok(())
            }
        }
    }

    async fn after_worker(&mut self, worker: NodeId, refused: Refused) -> Result<(), JobFailed> {
        self.last = refused.to_string();
        if let Some(pause) = refused.busy_for() {
            sleep(pause).await;
            return Ok(());
        }
        match &refused {
            // A new ticket is valid: of this term, for this incarnation.
            Refused::Api(error) if error.code == ErrorCode::BadTicket => Ok(()),
            Refused::Api(error) if !is_retryable(error.code) => Err(JobFailed::Refused(refused)),
            _ if self.place.exclude.len() < MAX_LOST => {
                self.place.exclude.push(worker);
                Ok(())
            }
            _ => Err(JobFailed::Lost(self.last.clone())),
        }
    }
}

/// Whether a retry elsewhere or later may succeed.
fn is_retryable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Busy | ErrorCode::NoQuorum | ErrorCode::Unavailable | ErrorCode::OutcomeUnknown
    )
}
