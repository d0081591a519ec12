//! The replicated state machine, pure: no async, clock, randomness, configuration or IO.
//!
//! `decide` reads a view of the state and one committed entry and returns a decision: either a
//! refusal, which changes nothing, or a list of changes that cannot fail. It runs the same over
//! sled, over a map in a test, and in the simulator.
//!
//! `rows` says what the state is made of, `draft` what an entry does to it; each rule has its home
//! in the file of its noun. `read` is what everyone else sees of the state.

mod cluster;
mod command;
mod deals;
mod decide;
mod draft;
mod grants;
pub mod limits;
mod live_grants;
mod mailbox;
mod notices;
pub mod read;
mod receipts;
mod retries;
mod rights;
mod rows;
mod sequence;
mod sessions;
mod speaker;
mod state_view;
mod users;
mod views;

#[cfg(test)]
mod tests;

pub use command::{Caller, Command, Done, ENTRY_VERSION, Entry, Op, Refusal, Reply};
pub use decide::{Decision, decide};
pub use state_view::{Change, MapView, Rows, StateView};
