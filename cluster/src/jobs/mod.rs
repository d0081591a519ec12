//! Image work, beside Raft and on threads of its own.
//!
//! `leader` places jobs: its dispatcher asks the scheduler of `cameo_dispatch` for a worker, signs
//! the ticket and logs the decision. `worker` checks tickets, admits jobs within its memory, does
//! them in a pool and streams the pictures out. `load` measures the worker and reports.
//! Image bytes go from the client to the worker and back; neither leader nor log ever see them.

pub mod leader;
pub mod load;
pub mod worker;

pub use leader::decisions::{DecisionLog, DecisionLogError};
pub use leader::dispatcher::{DecisionCounts, Dispatcher, Place, PlacementContext};
pub use leader::error::PlaceError;
pub use leader::placement::{PlacementAnswers, place};
pub use leader::ticket::TicketError;
pub use load::{Reporter, available_millicores};
pub use worker::accepted_job::AcceptedJob;
pub use worker::counters::JobCounts;
pub use worker::error::JobError;
pub use worker::hide::{Codec, Hide, HideFailed};
pub use worker::memory::{Budget, Taken};
pub use worker::output::Carrier;
pub use worker::{ClusterInfo, Worker, WorkerSettings};

#[cfg(test)]
mod tests;
