//! The threads that do the jobs, apart from those of Raft and HTTP.
//!
//! A slot does one job at a time, on a few threads of its own: so a waiting part of one job never picks up
//! a whole other job, and the CPU time of a slot's threads is that of its job.

use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cameo_codec::CancelToken;
use cameo_codec::job::JobInput;
use cameo_common::ids::JobId;

use super::Shared;
use super::admission::Done;
use super::cpu_meter::ThreadId;
use super::hide::Hide;
use super::output::{PIECE_BYTES, Pipe};
use crate::host::thread_priority;
use crate::jobs::error::JobError;

/// Threads that work on one job, where there are as many cores.
const THREADS_A_JOB: u32 = 2;
/// Most jobs that run at one time.
pub const MAX_SLOTS: u32 = 32;

/// How many jobs run at once, each on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) slots: u32,
    pub(crate) threads: u32,
}

impl Shape {
    /// As many threads as there are whole or begun cores.
    pub(crate) fn of(millicores: u32) -> Self {
        let cores = millicores.div_ceil(1000).max(1);
        let threads = cores.min(THREADS_A_JOB);
        Self {
            slots: cores.div_ceil(threads).min(MAX_SLOTS),
            threads,
        }
    }
}

/// One job with its input, waiting for a slot.
pub(crate) struct Work {
    pub(crate) job: JobId,
    pub(crate) input: Bytes,
    /// Asked when its client has gone.
    pub(crate) stop: Arc<CancelToken>,
    pub(crate) pipe: Arc<Pipe>,
}

/// Starts the thread of one slot. It ends when the worker stops.
pub(crate) fn start_slot(
    shared: Arc<Shared>,
    slot: usize,
    threads: u32,
) -> Result<(), std::io::Error> {
    let team = rayon::ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .thread_name(move |n| format!("cameo-job-{slot}.{n}"))
        .start_handler(|_| thread_priority::last())
        .build()
        .map_err(std::io::Error::other)?;
    let members = team.broadcast(|_| ThreadId::here());
    std::thread::Builder::new()
        .name(format!("cameo-slot-{slot}"))
        .spawn(move || {
            while let Some((id, work)) = shared.next_work() {
                let before = cpu_of(&members);
                let began = Instant::now();
                let result = team.install(|| measured(&shared, slot, &work));
                let cpu = match (before, cpu_of(&members)) {
                    (Some(before), Some(after)) => after.saturating_sub(before),
                    // Not measurable here: the clock is the next best.
                    _ => began.elapsed(),
                };
                let Work {
                    job, input, pipe, ..
                } = work;
                // Before it is told that they are free.
                drop(input);
                let done = result.is_ok().then(|| Done {
                    cpu,
                    carrier: pipe.written(),
                });
                shared.end(id, done);
                shared.counted(&result);
                let cpu_us = cpu.as_micros() as u64;
                tracing::debug!(%job, done = result.is_ok(), cpu_us, "job ended");
                // A client that has gone does not want to know.
                pipe.end(result);
            }
        })?;
    Ok(())
}

fn cpu_of(threads: &[ThreadId]) -> Option<Duration> {
    threads.iter().map(|thread| thread.cpu()).sum()
}

fn measured(shared: &Shared, slot: usize, work: &Work) -> Result<(), JobError> {
    shared.meter.begin(slot);
    let result = catch_unwind(AssertUnwindSafe(|| carry_out(&*shared.hide, work)));
    shared.meter.end(slot);
    result.unwrap_or(Err(JobError::Failed))
}

fn carry_out(hide: &dyn Hide, work: &Work) -> Result<(), JobError> {
    work.stop.check().map_err(|_| JobError::GivenUp)?;
    let input = JobInput::decode(&work.input)?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, &*work.pipe);
    let hidden = hide.hide(&input, &work.stop, &mut out);
    work.stop.check().map_err(|_| JobError::GivenUp)?;
    if let Err(why) = hidden {
        // Nothing of what lies in the buffer is to go out.
        drop(out.into_parts());
        return Err(JobError::Hide(why.0));
    }
    out.flush().map_err(|_| JobError::GivenUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_as_many_threads_as_cores() {
        let shape = |slots, threads| Shape { slots, threads };
        assert_eq!(Shape::of(0), shape(1, 1));
        assert_eq!(Shape::of(150), shape(1, 1));
        assert_eq!(Shape::of(1000), shape(1, 1));
        assert_eq!(Shape::of(1500), shape(1, 2));
        assert_eq!(Shape::of(4000), shape(2, 2));
        assert_eq!(Shape::of(1_000_000), shape(MAX_SLOTS, 2));
    }
}
