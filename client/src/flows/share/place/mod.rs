//! Hiding of a sealed photo by a worker: placement by the leader, direct upload, and one retry on
//! another worker. Photos that are shared at the same time are placed by one call and uploaded
//! concurrently.
//!
//! A returned carrier is accepted only after it was verified.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::JobInput;
use cameo_codec::{CodecKey, check as check_carrier};
use cameo_common::api::{ErrorCode, PlaceJob, Placed};
use cameo_common::ids::{Hash, NodeId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::error::PlaceError;
use super::seal::Sealed;
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError, JobAnnouncement, JobError};

/// Bound on the workers that a job is tried on.
const MAX_WORKERS: usize = 2;
/// Bound on the tickets of one job, as a ticket may be of an old term.
const MAX_TICKETS: usize = 4;
/// Pause before another ticket is requested. A new leader is known within this time.
const TICKET_PAUSE: Duration = Duration::from_millis(100);
/// Bound on the wait for a free worker.
const BUSY_DEADLINE: Duration = Duration::from_secs(20);
/// Bound on the whole flow.
const HIDE_DEADLINE: Duration = Duration::from_secs(300);
/// Pause when all workers are busy and the leader names no time.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// A returned carrier that is not accepted.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("the returned carrier is wrong ({0})")]
    Other(String),
    #[error("{0}")]
    Stopped(String),
}

/// A carrier, its worker, and the leader that chose the worker.
#[derive(Debug)]
pub(super) struct Hidden {
    pub png: Bytes,
    pub worker: NodeId,
    pub leader: NodeId,
}

/// Hides a sealed photo. `ready` was announced before the photo was sealed; `step` is called with
/// the progress.
pub(super) async fn hide(
    api: &ClusterApi,
    sealed: Sealed,
    ready: JobAnnouncement,
    step: &impl Fn(&str),
) -> Result<(Sealed, Hidden), PlaceError> {
    let input = JobInput {
        key: CodecKey::from_bytes(*sealed.codec_key.expose()),
        options: sealed.options,
        cover: &sealed.cover,
        payload: &sealed.photo.payload,
    };
    let input = Bytes::from(input.encode());
    let sealed = Arc::new(sealed);
    let verify = |png| check(sealed.clone(), png).boxed();
    let hidden = timeout(HIDE_DEADLINE, run(api, input, ready, verify, step)).await;
    let hidden = hidden.unwrap_or_else(|_| Err(PlaceError::NoWorker("it took too long".into())))?;
    let sealed = Arc::into_inner(sealed)
        .ok_or_else(|| PlaceError::Codec("the carrier is still being verified".into()))?;
    Ok((sealed, hidden))
}

async fn run(
    api: &ClusterApi,
    input: Bytes,
    ready: JobAnnouncement,
    verify: impl Fn(Bytes) -> BoxFuture<'static, Result<(), CheckError>>,
    step: &impl Fn(&str),
) -> Result<Hidden, PlaceError> {
    let mut ready = Some(ready);
    let mut job = Job::new(&input);
    for _ in 0..MAX_TICKETS {
        if job.place.exclude.len() >= MAX_WORKERS {
            break;
        }
        let placed = match wait_for_worker(api, &job.place, ready.take()).await {
            Err(error) if !job.last.is_empty() => {
                job.last = format!("{}; and then: {error}", job.last);
                break;
            }
            placed => placed?,
        };
        // With no other worker to try, this one is waited for until the deadline.
        let is_last = job.place.exclude.len() + 1 >= MAX_WORKERS.min(api.voters());
        let png = match api.run_job(&placed, input.clone(), is_last).await {
            Ok(png) => png,
            Err(failure) => {
                job.record(placed.worker, failure, step).await?;
                // The ticket may be one that a lying node has made up.
                api.ask_others_first(Some(placed.worker)).await;
                continue;
            }
        };
        step("verifying the carrier");
        match verify(png.clone()).await {
            Ok(()) => {
                return Ok(Hidden {
                    png,
                    worker: placed.worker,
                    leader: placed.leader,
                });
            }
            Err(why @ CheckError::Other(_)) => {
                let why = format!("node {}: {why}", placed.worker);
                job.fail(placed.worker, why, step);
            }
            Err(CheckError::Stopped(why)) => return Err(PlaceError::Codec(why)),
        }
    }
    Err(job.into_error())
}

/// A job and the outcome of its tries so far.
struct Job {
    place: PlaceJob,
    last: String,
    /// Whether a worker failed for another reason than being busy.
    failed: bool,
    /// The last worker that rejected its ticket.
    rejected_by: Option<NodeId>,
}

impl Job {
    fn new(input: &Bytes) -> Self {
        Self {
            place: PlaceJob {
                job: clock::job_id(),
                input: Hash::of(input),
                size: input.len() as u64,
                exclude: Vec::new(),
            },
            last: String::new(),
            failed: false,
            rejected_by: None,
        }
    }

    /// Records a failure. Returns an error if no other worker can succeed.
    async fn record(
        &mut self,
        worker: NodeId,
        failure: JobError,
        step: &impl Fn(&str),
    ) -> Result<(), PlaceError> {
        match failure {
            JobError::Job(error) => return Err(ClusterError::Api(error).into()),
            JobError::Ticket(error) => {
                step("the worker rejected the ticket; requesting another");
                self.last = error.message;
                self.failed = true;
                // A new term is known within moments. A second rejection by the same worker means
                // that its clock is wrong.
                if self.rejected_by.replace(worker) == Some(worker) {
                    self.place.exclude.push(worker);
                }
                sleep(TICKET_PAUSE).await;
            }
            busy @ JobError::Busy { .. } => self.exclude(worker, busy.to_string(), step),
            failure @ JobError::Worker { .. } => self.fail(worker, failure.to_string(), step),
        }
        Ok(())
    }

    fn fail(&mut self, worker: NodeId, why: String, step: &impl Fn(&str)) {
        self.failed = true;
        self.exclude(worker, why, step);
    }

    fn exclude(&mut self, worker: NodeId, why: String, step: &impl Fn(&str)) {
        step(&format!("{why}; trying another worker"));
        self.last = why;
        self.place.exclude.push(worker);
    }

    fn into_error(self) -> PlaceError {
        if self.failed {
            PlaceError::NoWorker(self.last)
        } else {
            PlaceError::Busy(self.last)
        }
    }
}

async fn wait_for_worker(
    api: &ClusterApi,
    place: &PlaceJob,
    mut ready: Option<JobAnnouncement>,
) -> Result<Placed, PlaceError> {
    let end = Instant::now() + BUSY_DEADLINE;
    loop {
        match api.place_job(place, ready.take()).await {
            Ok(placed) => return Ok(placed),
            Err(ClusterError::Api(error)) if error.code == ErrorCode::Busy => {
                let pause = error
                    .retry_after_ms
                    .map_or(BUSY_PAUSE, Duration::from_millis);
                if Instant::now() + pause >= end {
                    return Err(PlaceError::Busy(error.message));
                }
                sleep(pause).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Verifies a returned carrier: it has to equal the job's result in every sample and contain
/// nothing else.
async fn check(sealed: Arc<Sealed>, png: Bytes) -> Result<(), CheckError> {
    let work = move || {
        let key = CodecKey::from_bytes(*sealed.codec_key.expose());
        let payload = &sealed.photo.payload;
        check_carrier(&png, &sealed.cover, payload, &key, &sealed.options)
    };
    let checked = spawn_blocking(work)
        .await
        .map_err(|error| CheckError::Stopped(error.to_string()))?;
    checked.map_err(|error| CheckError::Other(error.to_string()))
}

#[cfg(test)]
mod tests;
