//! Image jobs: placement at the leader, work on every node's own threads, apart from Raft's.
//!
//! On every node, [`worker`] checks tickets and admits jobs within its memory budget; the slots of
//! its pool run them, and clients fetch the carriers; [`load`] measures the node and reports. On
//! the leader, [`leader`] chooses a worker with the scheduler of `cameo_dispatch`, signs the ticket
//! and logs the decision.
//! Image bytes go from the client to the worker and back, never to the leader or into the log.

pub mod leader;
pub mod load;
mod retry;
pub mod ticket;
pub mod worker;

pub use leader::decision_counts::DecisionCounts;
pub use leader::decisions::{DecisionLog, DecisionLogError};
pub use leader::dispatcher::{Dispatcher, PlacementContext, PlacementMember};
pub use leader::error::PlaceError;
pub use leader::placement::{PlacementAnswers, place};
pub use load::{Reporter, available_millicores};
pub use ticket::TicketError;
pub use worker::accepted_job::AcceptedJob;
pub use worker::counters::JobCounts;
pub use worker::error::JobError;
pub use worker::hide::{Codec, Hide, HideFailed};
pub use worker::memory::{Budget, MemoryUse};
pub use worker::output::Carrier;
pub use worker::{ClusterInfo, JobCost, Worker, WorkerSettings};

#[cfg(test)]
mod tests;
