//! The leader's part of image work: which worker does a job, the ticket for it, and a record of why.

pub mod decisions;
pub mod dispatcher;
pub mod error;
pub mod placement;
pub mod ticket;
