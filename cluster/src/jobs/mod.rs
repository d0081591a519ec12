//! The image work, beside Raft and on threads of its own.
//!
//! At every node: `worker` checks tickets and takes jobs up (`intake`, within `memory`), the slots of `pool` do them
//! through `hide`, what comes of them leaves through a `carrier`, `load` measures and reports. At the leader:
//! `dispatcher` keeps the desk of `cameo_dispatch`, which decides, and signs the `ticket`; `decisions` writes down
//! what was decided.
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
