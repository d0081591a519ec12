//! The place of a caller in the cluster.

/// A caller's place in the cluster, by the key that it has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In the newest descriptor with this key; or in an earlier one, and still a voter of Raft's
    /// membership.
    Voter,
    /// A learner of the membership, with this key.
    Worker,
    /// Neither: it may ask to join.
    Outsider,
}
