//! What this node does with its sealing key: release its parts of debited views.

mod release;

pub use release::{ReleaseError, Releaser};
