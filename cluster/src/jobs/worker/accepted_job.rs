//! A job that a worker has admitted, as its client's request holds it.

use std::sync::Arc;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use cameo_common::ids::Hash;
use cameo_common::statements::Ticket;
use futures_util::future;

use super::error::JobError;
use super::hold::Hold;
use super::lost::is_lost;
use super::output::Carrier;
use super::pipe::Pipe;
use super::shared::Work;
use crate::jobs::ticket::check_input;

/// An admitted job. Dropping it, or the future of its `run`, cancels it: a queued job is removed, a
/// running one stopped.
#[derive(Debug)]
pub struct AcceptedJob {
    pub(crate) hold: Arc<Hold>,
    pub(crate) ticket: Ticket,
}

impl AcceptedJob {
    /// Length of the input in bytes; nothing beyond it needs to be read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ticket.size
    }

    /// Runs the job; `hash` is that of `input`. Returns the carrier as soon as its first bytes are
    /// there.
    ///
    /// # Errors
    /// When the input does not match the ticket, cannot be made into a picture, or can never fit
    /// into this worker's memory; when the job is cancelled or fails before its first bytes.
    pub async fn run(self, input: Bytes, hash: Hash) -> Result<Carrier, JobError> {
        let shared = &self.hold.pool.shared;
        let checked = check_input(&self.ticket, input.len() as u64, hash);
        let pictures = checked
            .map_err(JobError::from)
            .and_then(|()| shared.pictures(&input))
            .inspect_err(|_| self.hold.fail())?;
        let pipe = Arc::new(Pipe::default());
        let work = Work {
            job: self.ticket.job,
            input,
            stop: Arc::clone(&self.hold.stop),
            pipe: Arc::clone(&pipe),
        };
        let ticket = self.hold.admitted.ticket;
        shared.change(|admission| admission.enqueue(ticket, work, pictures));
        future::poll_fn(|cx| pipe.poll_begun(cx)).await?;
        if is_lost(shared.settings.node, self.ticket.term) {
            pipe.lose();
        }
        // A carrier is about as large as its input.
        let deadline = shared.settings.download_deadline + slowest_transfer(self.ticket.size);
        Ok(Carrier::new(pipe, self.hold, deadline))
    }
}
