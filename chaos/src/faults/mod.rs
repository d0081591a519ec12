//! Planned faults, the same for both targets.
//!
//! [`plan`] is a pure function of the seed: it says when which [`Kind`] of fault strikes whom, and
//! for how long. A target carries it out. What the plan cannot know, such as who leads, is left to
//! the moment at which the fault strikes.

mod kind;
mod liars;
mod links;
mod plan;
mod planned;
mod select;
#[cfg(test)]
mod tests;

pub use kind::{Kind, Lane};
pub use liars::liars;
pub use links::Link;
pub use plan::{plan, quiet_from};
pub use planned::{Planned, Strength, Victims};
pub use select::{UnknownKind, select};
