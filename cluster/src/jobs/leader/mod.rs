//! The leader's part of image jobs: choice of the worker, tickets, and the log of decisions.

pub mod decision_counts;
pub mod decisions;
pub mod dispatcher;
pub mod error;
pub mod placement;
