//! The answers that a node waits for while it takes no part.

use std::collections::BTreeSet;

use cameo_common::ids::NodeId;

/// Answers that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Voters that have not said yet what they remember of this node.
    pub voters: BTreeSet<NodeId>,
    /// How many of them have to; never more than there are.
    pub answers_missing: usize,
    /// The node's folder may be an older copy, and the grace is over.
    pub may_be_copy: bool,
}
