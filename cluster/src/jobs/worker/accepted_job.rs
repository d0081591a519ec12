//! A job that a worker has taken up, as its client holds it.

use std::sync::Arc;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use cameo_common::ids::Hash;
use cameo_common::statements::Ticket;
use futures_util::future;

use super::error::JobError;
use super::hold::Hold;
use super::output::Carrier;
use super::pipe::Pipe;
use super::shared::Work;
use crate::jobs::leader::ticket::check_input;

/// A job that was taken up. Dropped, or with its `run` dropped, it is given up: a queued job is removed, a
/// running one stopped.
#[derive(Debug)]
pub struct AcceptedJob {
    pub(crate) hold: Arc<Hold>,
    pub(crate) ticket: Ticket,
}

impl AcceptedJob {
    /// Length of the input in bytes: no more needs to be read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ticket.size
    }

    /// Has the job done; `hash` is that of `input`. Gives the carrier when it begins to come.
    ///
    /// # Errors
    /// When the input is not the ticket's, no picture can be made of it, or it never fits into this worker's memory.
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
        let ticket = self.hold.admission.ticket;
        shared.change(|admission| admission.enqueue(ticket, work, pictures));
        future::poll_fn(|cx| pipe.poll_begun(cx)).await?;
        // A carrier is about as large as its input.
        let deadline = shared.settings.download_deadline + slowest_transfer(self.ticket.size);
        Ok(Carrier::new(pipe, self.hold, deadline))
    }
}
