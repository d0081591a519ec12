//! The image work, beside Raft and on threads of its own.
//!
//! At every node: `worker` checks tickets and takes jobs up (`intake`), the slots of `pool` do them through
//! `hide`, `load` measures and reports. At the leader: `dispatcher` holds the reports and the placement
//! `book`, asks `placement`, a pure function, and signs the `ticket`. `cost` predicts at both.
//! Image bytes go from the client to the worker and back; neither leader nor log ever see them.

pub mod book;
pub mod cost;
pub mod dispatcher;
pub mod error;
pub mod hide;
mod intake;
mod journal;
pub mod load;
mod meter;
pub mod placement;
mod pool;
pub mod ticket;
pub mod worker;

pub use dispatcher::{Dispatcher, Place, View};
pub use error::{JobError, PlaceError};
pub use hide::{Hide, HideFailed};
pub use load::{Reporter, available_millicores};
pub use placement::Decision;
pub use ticket::TicketError;
pub use worker::{Admitted, Standing, Worker, WorkerSettings};

#[cfg(test)]
mod tests;
