//! The image work, beside Raft and on threads of its own.
//!
//! At every node: `worker` checks tickets and takes jobs up (`intake`, within `memory`), the slots of `pool` do them
//! through `hide`, what comes of them leaves through a `carrier`, `load` measures and reports. At the leader:
//! `dispatcher` keeps the desk of `cameo_dispatch`, which decides, and signs the `ticket`; `decisions` writes down
//! what was decided.
//! Image bytes go from the client to the worker and back; neither leader nor log ever see them.

mod admitted;
pub mod carrier;
mod counters;
pub mod decisions;
pub mod dispatcher;
pub mod error;
pub mod hide;
mod intake;
mod journal;
pub mod load;
pub mod memory;
mod meter;
mod pool;
pub mod ticket;
pub mod worker;

pub use admitted::Admitted;
pub use carrier::Carrier;
pub use counters::JobCounts;
pub use decisions::{DecisionLog, DecisionLogError};
pub use dispatcher::{DecisionCounts, Dispatcher, Place, View};
pub use error::{JobError, PlaceError};
pub use hide::{Codec, Hide, HideFailed};
pub use load::{Reporter, available_millicores};
pub use memory::{Budget, Taken};
pub use ticket::TicketError;
pub use worker::{Standing, Worker, WorkerSettings};

#[cfg(test)]
mod tests;
