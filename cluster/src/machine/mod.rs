//! The replicated state machine, pure: no async, clock, randomness, configuration or IO.
//!
//! `decide` reads a view of the state and one committed entry and returns a decision: either a
//! refusal, which changes nothing, or a list of changes that cannot fail. It runs the same over
//! sled, over a map in a test, and in the simulator.

mod command;
mod view;

pub use command::{Caller, Command, Done, ENTRY_VERSION, Entry, Op, Refusal, Reply};
pub use view::{Change, MapView, Rows, View};
