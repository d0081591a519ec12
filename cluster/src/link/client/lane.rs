//! Lanes: separate connections to a peer, so that small urgent requests do not queue behind large
//! ones.

/// The connection that a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Heartbeats, votes, leadership transfer, ReadIndex: small, and a delay causes an election.
    Heartbeat,
    /// Log entries and forwarded proposals.
    Log,
    /// Calls of other subsystems.
    App,
    /// Snapshots.
    Bulk,
}
