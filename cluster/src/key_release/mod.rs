//! Release of this node's key parts for debited views, and confirmation of rights, both by what
//! the node has recorded in its floors.

mod await_debit;
mod confirm;
mod error;
mod release;
mod releaser;
mod verified;

pub use confirm::CONFIRM_WAIT;
pub use error::ReleaseError;
pub use releaser::{Releaser, ReleaserDeps};
