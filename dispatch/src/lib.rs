//! Which worker gets an image job. Pure: no clock, no sockets, no randomness of its own.
//!
//! A [`Desk`] holds what the leader knows of its workers: their load [`Report`]s, a [`Page`] each of what was
//! placed on them, and what jobs cost. Asked, it puts a [`Question`] to [`decide`]. The same code places jobs at a
//! node's leader, in the simulation of the placement benchmark, and when a log of decisions is checked (law J2).

mod cost;
mod desk;
mod page;
mod placement;
mod report;
mod rivals;
mod ticket_id;

pub use cost::CostModel;
pub use desk::{Desk, Job, Member, Settings};
pub use page::{Finished, MAX_OPEN, Page, Placement};
pub use placement::{
    Candidate, Choice, Decision, Heard, Question, SHARE_STEP_PERMILLE, Score, TIE_MARGIN_PERMILLE,
    TIE_MARGIN_US, Verdict, WAIT_EXTRA_PERMILLE, decide, tie_bound,
};
pub use report::{Event, MAX_REPORT, REPORT_VERSION, Report, ReportError};
pub use rivals::Policy;
pub use ticket_id::TicketId;

/// A time on the leader's monotonic clock, since an origin of its choosing.
pub type Moment = std::time::Duration;
