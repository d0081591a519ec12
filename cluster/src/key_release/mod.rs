//! Release of this node's key parts for debited views.

mod release;

pub use release::{ReleaseError, Releaser};
