//! Job threads, apart from those of Raft and HTTP.
//!
//! A slot runs one job at a time on a few threads of its own. So a waiting part of one job never
//! picks up a whole other job, and the CPU time of a slot's threads is that of its job.

use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cameo_codec::job::JobInput;
use cameo_dispatch::TicketId;
use tokio::time::Instant;

use super::admission::Done;
use super::cpu_meter::ThreadId;
use super::error::JobError;
use super::hide::Hide;
use super::pipe::PIECE_BYTES;
use super::shared::{Shared, Work};
use crate::host::thread_priority;

/// Starts the thread of one slot, which ends when the worker stops.
pub(crate) fn start_slot(
    shared: Arc<Shared>,
    slot: usize,
    threads: u32,
) -> Result<(), std::io::Error> {
    let threads_of_slot = rayon::ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .thread_name(move |n| format!("cameo-job-{slot}.{n}"))
        .start_handler(|_| thread_priority::lower())
        .build()
        .map_err(std::io::Error::other)?;
    let thread_ids = threads_of_slot.broadcast(|_| ThreadId::here());
    let slot = Slot {
        shared,
        number: slot,
        threads: threads_of_slot,
        thread_ids,
    };
    std::thread::Builder::new()
        .name(format!("cameo-slot-{}", slot.number))
        .spawn(move || slot.run())?;
    Ok(())
}

/// A slot's own threads.
struct Slot {
    shared: Arc<Shared>,
    number: usize,
    threads: rayon::ThreadPool,
    thread_ids: Vec<ThreadId>,
}

impl Slot {
    /// Runs one job after another, until the worker stops.
    fn run(&self) {
        while let Some((id, work)) = self.shared.next_work() {
            self.run_one(id, work);
        }
    }

    fn run_one(&self, id: TicketId, work: Work) {
        let before = cpu_of(&self.thread_ids);
        let began = Instant::now();
        let measured = || run_measured(&self.shared, self.number, &work);
        let result = self.threads.install(measured);
        let cpu = match (before, cpu_of(&self.thread_ids)) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            // Not measurable on this system: elapsed time is the nearest figure.
            _ => began.elapsed(),
        };
        end_job(&self.shared, id, work, result, cpu);
    }
}

/// Reports a job that has run for `cpu`, and hands its end to its client.
pub(super) fn end_job(
    shared: &Shared,
    id: TicketId,
    work: Work,
    result: Result<(), JobError>,
    cpu: Duration,
) {
    let Work {
        job, input, pipe, ..
    } = work;
    // The memory is freed before it is reported as free.
    drop(input);
    let done = result.is_ok().then(|| Done {
        cpu,
        carrier: pipe.written(),
    });
    shared.end(id, done);
    shared.count_failure(&result);
    let cpu_us = cpu.as_micros() as u64;
    tracing::debug!(%job, done = result.is_ok(), cpu_us, "job ended");
    // Ignored when the client has disconnected.
    pipe.end(result);
}

fn cpu_of(threads: &[ThreadId]) -> Option<Duration> {
    threads.iter().map(|thread| thread.cpu()).sum()
}

fn run_measured(shared: &Shared, slot: usize, work: &Work) -> Result<(), JobError> {
    shared.meter.begin(slot);
    let result = run_job(&*shared.hide, work);
    shared.meter.end(slot);
    result
}

/// Runs a job; a panic is its failure.
pub(super) fn run_job(hide: &dyn Hide, work: &Work) -> Result<(), JobError> {
    let result = catch_unwind(AssertUnwindSafe(|| try_job(hide, work)));
    result.unwrap_or(Err(JobError::Failed))
}

fn try_job(hide: &dyn Hide, work: &Work) -> Result<(), JobError> {
    work.stop.check().map_err(|_| JobError::Cancelled)?;
    let input = JobInput::decode(&work.input)?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, &*work.pipe);
    let hidden = hide.hide(&input, &work.stop, &mut out);
    work.stop.check().map_err(|_| JobError::Cancelled)?;
    if let Err(why) = hidden {
        // The buffer must not be flushed.
        drop(out.into_parts());
        return Err(JobError::Hide(why.0));
    }
    out.flush().map_err(|_| JobError::Cancelled)
}
