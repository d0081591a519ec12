//! Connections kept apart, so that nothing small and urgent queues behind something large.

/// Which of the connections to a peer a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Heartbeats, votes, hand-over, read indexes: small, and late means an election.
    Beat,
    /// Log entries and forwarded proposals.
    Log,
    /// Requests of the node's other parts.
    App,
    /// Snapshots.
    Bulk,
}
