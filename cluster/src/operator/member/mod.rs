//! The verbs of `cameod member`: the members, and changes of the nodes that vote and hold parts.
//!
//! A change is the next descriptor. The voters are asked to sign it first, and it is ordered then.
//! What an earlier command has begun is finished before.
//! The cluster's fingerprint proves the nodes; what a worker's keys are is believed when the worker
//! has signed them by the key that a majority of the voters has admitted.

mod add;
mod begun;
mod change;
mod lines;
mod plan;
mod signatures;
mod survey;
mod waiting;

pub use super::member_error::MemberError;
pub use add::{AddOrder, add};
pub use change::{MemberOrder, change};
pub use lines::{MemberLine, MemberList, MemberRole};
pub use plan::MemberChange;
pub use survey::list;
