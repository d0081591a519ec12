//! Placement of image jobs: which worker gets one. Pure: no clock, no sockets, no randomness.
//!
//! A [`Scheduler`] holds what the leader knows of its workers: the last load [`Report`] of each,
//! the [`Reservations`] on it, and what jobs cost. For a job it makes a [`PlacementInput`] and
//! calls [`decide`]. The same code places jobs at a node's leader, in the simulation of the
//! placement benchmark, and when a decision log is checked (law J2).
//!
//! The feature `baselines` adds the policies that ours is measured against.

#[cfg(feature = "baselines")]
pub mod baselines;
mod cost;
mod log;
mod placement;
mod policy;
mod report;
mod reservations;
mod scheduler;
mod ticket_id;

pub use cost::CostModel;
pub use log::{LOG_SCHEMA, LineError, Logged};
pub use placement::{
    Candidate, Choice, Decision, LoadSample, MIN_USABLE_MILLICORES, PlacementInput,
    QUEUEING_EXTRA_PERMILLE, SHARE_STEP_PERMILLE, Score, TIE_MARGIN_PERMILLE, TIE_MARGIN_US,
    Verdict, decide, tie_bound,
};
pub use policy::Policy;
pub use report::{Event, MAX_REPORT, REPORT_VERSION, Report, ReportError};
pub use reservations::{Finished, MAX_OPEN, Reservation, Reservations};
pub use scheduler::{Job, Member, Scheduler, Settings};
pub use ticket_id::TicketId;

/// A time on the leader's monotonic clock, since an origin of its choosing.
pub type Moment = std::time::Duration;
