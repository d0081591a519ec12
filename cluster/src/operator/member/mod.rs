//! The verbs of `cameod member`: the members, and changes of the nodes that vote and hold parts.
//!
//! A change is the next descriptor. The voters are asked to sign it first, and it is ordered then.
//! The cluster's fingerprint proves the nodes; what a worker's keys are is believed when the worker
//! has signed them by the key that a majority of the voters has admitted.

mod change;
mod lines;
mod signatures;
mod survey;
mod waiting;

pub use super::member_error::MemberError;
pub use change::{MemberChange, MemberOrder, change};
pub use lines::{MemberLine, MemberList, MemberRole};
pub use survey::list;
