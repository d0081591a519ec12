//! Having it hidden: a worker of the leader's choosing, straight to it, and one retry elsewhere. Photos that are
//! shared at the same time are placed together and uploaded side by side.
//!
//! What comes back is believed only after it was read again.

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
use crate::cluster_api::{ClusterApi, ClusterError, JobFailure, Preparing};

/// Workers that a job is tried on.
const MAX_WORKERS: usize = 2;
/// Tickets that may turn out to be of an old term.
const MAX_TICKETS: usize = 4;
/// Before another ticket is asked for: a new leader is known within so long.
const TICKET_PAUSE: Duration = Duration::from_millis(100);
/// How long to wait for a worker to become free.
const BUSY_DEADLINE: Duration = Duration::from_secs(20);
/// Whatever happens, it has come to an end after this.
const HIDE_DEADLINE: Duration = Duration::from_secs(300);
/// Wait for a worker when the leader names no time.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// Why a carrier that came back is not taken.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("another carrier came back than was asked for ({0})")]
    Other(String),
    #[error("{0}")]
    Stopped(String),
}

/// A carrier, and who made it.
#[derive(Debug)]
pub(super) struct Hidden {
    pub png: Bytes,
    pub worker: NodeId,
    pub leader: NodeId,
}

/// `ready` was taken before the photo was sealed; `step` is told what is being done.
pub(super) async fn hide(
    api: &ClusterApi,
    sealed: Sealed,
    ready: Preparing,
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
    let as_asked = |png| check(sealed.clone(), png).boxed();
    let hidden = timeout(HIDE_DEADLINE, have_done(api, input, ready, as_asked, step)).await;
    let hidden = hidden.unwrap_or_else(|_| Err(PlaceError::NoWorker("it took too long".into())))?;
    let sealed = Arc::into_inner(sealed)
        .ok_or_else(|| PlaceError::Codec("the carrier is still looked at".into()))?;
    Ok((sealed, hidden))
}

async fn have_done(
    api: &ClusterApi,
    input: Bytes,
    ready: Preparing,
    as_asked: impl Fn(Bytes) -> BoxFuture<'static, Result<(), CheckError>>,
    step: &impl Fn(&str),
) -> Result<Hidden, PlaceError> {
    let mut ready = Some(ready);
    let mut job = Tried::new(&input);
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
        // Nobody else is there to be asked: this one is waited for.
        let is_last = job.place.exclude.len() + 1 >= MAX_WORKERS.min(api.nodes_by_id().len());
        let png = match api.run_job(&placed, input.clone(), is_last).await {
            Ok(png) => png,
            Err(failure) => {
                job.failed(placed.worker, failure, step).await?;
                continue;
            }
        };
        step("reading the carrier again");
        match as_asked(png.clone()).await {
            Ok(()) => {
                return Ok(Hidden {
                    png,
                    worker: placed.worker,
                    leader: placed.leader,
                });
            }
            Err(why @ CheckError::Other(_)) => {
                let why = format!("node {}: {why}", placed.worker);
                job.lost(placed.worker, why, step);
            }
            Err(CheckError::Stopped(why)) => return Err(PlaceError::Codec(why)),
        }
    }
    Err(job.given_up())
}

/// A job, and what came of it until now.
struct Tried {
    place: PlaceJob,
    last: String,
    /// Workers had more against it than that they have enough to do.
    lost: bool,
    /// Whose ticket was no good.
    refused_by: Option<NodeId>,
}

impl Tried {
    fn new(input: &Bytes) -> Self {
        Self {
            place: PlaceJob {
                job: clock::job_id(),
                input: Hash::of(input),
                size: input.len() as u64,
                exclude: Vec::new(),
            },
            last: String::new(),
            lost: false,
            refused_by: None,
        }
    }

    /// Goes on, where that may help.
    async fn failed(
        &mut self,
        worker: NodeId,
        failure: JobFailure,
        step: &impl Fn(&str),
    ) -> Result<(), PlaceError> {
        match failure {
            JobFailure::Job(error) => return Err(ClusterError::Api(error).into()),
            JobFailure::Ticket(error) => {
                step("the worker's ticket is no longer good: asking for another");
                self.last = error.message;
                self.lost = true;
                // Another term is told of within moments; a worker whose clock is wrong stays as it is.
                if self.refused_by.replace(worker) == Some(worker) {
                    self.place.exclude.push(worker);
                }
                sleep(TICKET_PAUSE).await;
            }
            busy @ JobFailure::Busy { .. } => self.leave(worker, busy.to_string(), step),
            failure @ JobFailure::Worker { .. } => self.lost(worker, failure.to_string(), step),
        }
        Ok(())
    }

    fn lost(&mut self, worker: NodeId, why: String, step: &impl Fn(&str)) {
        self.lost = true;
        self.leave(worker, why, step);
    }

    fn leave(&mut self, worker: NodeId, why: String, step: &impl Fn(&str)) {
        step(&format!("{why}; trying another worker"));
        self.last = why;
        self.place.exclude.push(worker);
    }

    fn given_up(self) -> PlaceError {
        if self.lost {
            PlaceError::NoWorker(self.last)
        } else {
            PlaceError::Busy(self.last)
        }
    }
}

async fn wait_for_worker(
    api: &ClusterApi,
    place: &PlaceJob,
    mut ready: Option<Preparing>,
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

/// Looks at the carrier before it is believed: it has to be what the job makes, in every sample, and nothing else.
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
