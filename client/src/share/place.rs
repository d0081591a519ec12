//! Having it hidden: a worker of the leader's choosing, straight to it, and one retry elsewhere. Photos that are
//! shared at the same time are placed together and uploaded side by side.
//!
//! What comes back is believed only after it was read again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ErrorCode, PlaceJob, Placed};
use cameo_common::codec::{CodecKey, check as check_carrier};
use cameo_common::ids::{Hash, NodeId};
use cameo_common::job::JobInput;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::seal::Sealed;
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError, JobFailure, Preparing};
use crate::exit::{Exit, Failure};

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
/// What a worker gave back is not what was asked for.
const BAD_CARRIER: &str = "bad_carrier";
/// No worker took it in time, for want of time.
pub(crate) const BUSY: &str = "busy";
/// No worker could do it.
pub(crate) const NO_WORKER: &str = "no_worker";
/// Wait for a worker when the leader names no time.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

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
) -> Result<(Sealed, Hidden), Failure> {
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
    let hidden = hidden.unwrap_or_else(|_| Err(no_worker("it took too long")))?;
    let sealed = Arc::into_inner(sealed)
        .ok_or_else(|| Failure::other("codec", "the carrier is still looked at"))?;
    Ok((sealed, hidden))
}

async fn have_done(
    api: &ClusterApi,
    input: Bytes,
    ready: Preparing,
    as_asked: impl Fn(Bytes) -> BoxFuture<'static, Result<(), Failure>>,
    step: &impl Fn(&str),
) -> Result<Hidden, Failure> {
    let mut ready = Some(ready);
    let mut place = PlaceJob {
        job: clock::job_id(),
        input: Hash::of(&input),
        size: input.len() as u64,
        exclude: Vec::new(),
    };
    let mut last = String::new();
    let mut refused_by = None;
    for _ in 0..MAX_TICKETS {
        if place.exclude.len() >= MAX_WORKERS {
            break;
        }
        let placed = match wait_for_worker(api, &place, ready.take()).await {
            Err(error) if !last.is_empty() => {
                return Err(no_worker(&format!("{last}; and then: {error}")));
            }
            placed => placed?,
        };
        match api.run_job(&placed, input.clone()).await {
            Ok(png) => {
                step("reading the carrier again");
                match as_asked(png.clone()).await {
                    Ok(()) => {
                        return Ok(Hidden {
                            png,
                            worker: placed.worker,
                            leader: placed.leader,
                        });
                    }
                    Err(why) if why.code == BAD_CARRIER => {
                        last = format!("node {}: {why}", placed.worker);
                        step(&format!("{last}; trying another worker"));
                        place.exclude.push(placed.worker);
                    }
                    Err(why) => return Err(why),
                }
            }
            Err(JobFailure::Job(error)) if error.code == ErrorCode::BadTicket => {
                step("the worker's ticket is no longer good: asking for another");
                last = error.message;
                // Another term is told of within moments; a worker whose clock is wrong stays as it is.
                if refused_by.replace(placed.worker) == Some(placed.worker) {
                    place.exclude.push(placed.worker);
                }
                sleep(TICKET_PAUSE).await;
            }
            Err(JobFailure::Job(error)) => return Err(error.into()),
            Err(error @ JobFailure::Worker { .. }) => {
                last = error.to_string();
                step(&format!("{last}; trying another worker"));
                place.exclude.push(placed.worker);
            }
        }
    }
    Err(no_worker(&last))
}

fn no_worker(why: &str) -> Failure {
    Failure::new(
        Exit::Other,
        NO_WORKER,
        format!(
            "no node could hide the photo ({why}): nothing was shared; try again when more nodes run"
        ),
    )
}

/// Says nothing about the photo: it is tried again, however often.
fn busy(why: &str) -> Failure {
    Failure::new(
        Exit::Other,
        BUSY,
        format!("all workers have enough to do ({why}): nothing was shared; try again later"),
    )
}

async fn wait_for_worker(
    api: &ClusterApi,
    place: &PlaceJob,
    mut ready: Option<Preparing>,
) -> Result<Placed, Failure> {
    let end = Instant::now() + BUSY_DEADLINE;
    loop {
        match api.place_job(place, ready.take()).await {
            Ok(placed) => return Ok(placed),
            Err(ClusterError::Api(error)) if error.code == ErrorCode::Busy => {
                let pause = error
                    .retry_after_ms
                    .map_or(BUSY_PAUSE, Duration::from_millis);
                if Instant::now() + pause >= end {
                    return Err(busy(&error.message));
                }
                sleep(pause).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Looks at the carrier before it is believed: it has to be what the job makes, in every sample, and nothing else.
async fn check(sealed: Arc<Sealed>, png: Bytes) -> Result<(), Failure> {
    let work = move || {
        let key = CodecKey::from_bytes(*sealed.codec_key.expose());
        let payload = &sealed.photo.payload;
        check_carrier(&png, &sealed.cover, payload, &key, &sealed.options)
    };
    let checked = spawn_blocking(work)
        .await
        .map_err(|error| Failure::other("codec", error.to_string()))?;
    checked.map_err(|error| {
        let text = format!("another carrier came back than was asked for ({error})");
        Failure::other(BAD_CARRIER, text)
    })
}

#[cfg(test)]
mod tests;
