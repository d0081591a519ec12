//! A job that a worker has taken up, as its client holds it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cameo_codec::CancelToken;
use cameo_codec::job::slowest_transfer;
use cameo_common::ids::Hash;
use cameo_common::statements::Ticket;
use futures_util::future;

use super::Worker;
use super::admission::Admission;
use super::output::{Carrier, Pipe};
use super::pool::Work;
use crate::jobs::error::JobError;
use crate::jobs::leader::ticket::check_input;

/// A job that was taken up. Dropped, or with its `run` dropped, it is given up: a queued job is removed, a
/// running one stopped.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) hold: Arc<Hold>,
    pub(crate) ticket: Ticket,
}

/// A client's hold on its job: the place, the memory and the work are there for as long as it is.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) worker: Worker,
    pub(crate) admission: Admission,
    pub(crate) stop: Arc<CancelToken>,
}

impl Admitted {
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
        let shared = &self.hold.worker.shared;
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
        shared.change(|intake| intake.enqueue(ticket, work, pictures));
        future::poll_fn(|cx| pipe.poll_begun(cx)).await?;
        // A carrier is about as large as its input.
        let deadline = shared.settings.download_deadline + slowest_transfer(self.ticket.size);
        Ok(Carrier::new(pipe, self.hold, deadline))
    }
}

impl Hold {
    /// The client has gone, or has all that it wanted.
    pub(crate) fn let_go(&self) {
        self.stop.cancel();
        if self.give_up() {
            self.worker.shared.counters.cancelled();
        }
    }

    /// The input is no good.
    fn fail(&self) {
        if self.give_up() {
            self.worker.shared.counters.failed();
        }
    }

    /// Whether the job had not been begun, and ends here.
    fn give_up(&self) -> bool {
        let admission = self.admission;
        let shared = &self.worker.shared;
        shared.change(|intake| intake.give_up(admission, Instant::now()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}
