//! One job from the wish to the PNG, with the retries that a client makes.

use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ErrorCode, PlaceJob};
use cameo_common::ids::{JobId, NodeId};
use tokio::time::{Instant, sleep, timeout_at};

use super::chance::random;
use super::nodes::Nodes;
use super::user::{Refused, User};
use super::work::Work;

/// Pause after a node that does not answer.
const PAUSE: Duration = Duration::from_millis(20);
/// Workers that a job may be lost on: one retry, elsewhere.
const MAX_LOST: usize = 1;

/// A job that was done.
#[derive(Debug, Clone)]
pub struct Carried {
    pub job: JobId,
    pub worker: NodeId,
    /// Who placed it.
    pub leader: NodeId,
    /// Workers on which the job was lost before.
    pub lost_on: Vec<NodeId>,
    pub png: Bytes,
    /// Uploaded and downloaded when it was done at last.
    pub bytes: usize,
    pub ended: Instant,
}

/// A job that was not: a failure that its client sees.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failed {
    #[error("no worker did it in time; the last word was: {0}")]
    Late(String),
    #[error("two workers lost it, the second: {0}")]
    Lost(String),
    #[error("refused for good: {0}")]
    Refused(Refused),
}

/// Has `work` done before the deadline. A busy cluster is asked again when it says so; a worker that is lost is left
/// out of the one retry.
///
/// # Errors
/// See [`Failed`].
pub async fn errand(
    user: &User,
    nodes: &Nodes,
    work: &Work,
    deadline: Instant,
) -> Result<Carried, Failed> {
    let mut errand = Errand {
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
    let done = timeout_at(deadline, errand.run()).await;
    done.unwrap_or_else(|_| Err(Failed::Late(errand.last)))
}

struct Errand<'a> {
    user: &'a User,
    nodes: &'a Nodes,
    work: &'a Work,
    place: PlaceJob,
    last: String,
}

impl Errand<'_> {
    async fn run(&mut self) -> Result<Carried, Failed> {
        loop {
            let url = self.nodes.preferred();
            let placed = match self.user.place(url, &self.place).await {
                Ok(placed) => placed,
                Err(refused) => {
                    self.wait_or_turn(url, refused).await?;
                    continue;
                }
            };
            let input = self.work.input.clone();
            match self.user.run(&placed, input, self.work.hash).await {
                Ok(png) => {
                    return Ok(Carried {
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

    /// The placement was refused, or the node does not answer.
    async fn wait_or_turn(&mut self, url: &str, refused: Refused) -> Result<(), Failed> {
        self.last = refused.to_string();
        if let Some(pause) = refused.busy_for() {
            sleep(pause).await;
            return Ok(());
        }
        match &refused {
            Refused::Api(error) if !passes(error.code) => Err(Failed::Refused(refused)),
            _ => {
                self.nodes.turn_from(url);
                sleep(PAUSE).await;
                Ok(())
            }
        }
    }

    async fn after_worker(&mut self, worker: NodeId, refused: Refused) -> Result<(), Failed> {
        self.last = refused.to_string();
        if let Some(pause) = refused.busy_for() {
            sleep(pause).await;
            return Ok(());
        }
        match &refused {
            // Another ticket is good: of this term, for this incarnation.
            Refused::Api(error) if error.code == ErrorCode::BadTicket => Ok(()),
            Refused::Api(error) if !passes(error.code) => Err(Failed::Refused(refused)),
            _ if self.place.exclude.len() < MAX_LOST => {
                self.place.exclude.push(worker);
                Ok(())
            }
            _ => Err(Failed::Lost(self.last.clone())),
        }
    }
}

/// Whether asking elsewhere or later may help.
fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Busy | ErrorCode::NoQuorum | ErrorCode::Unavailable | ErrorCode::OutcomeUnknown
    )
}
