//! Limits of the connections at a port.

use std::time::Duration;

use crate::host::descriptors;

/// Most connections of one node, of which up to 10,000 are event streams.
pub const MAX_CONNECTIONS: usize = 12_000;
/// Most connections from one source address, so that the others always have some left. Behind a
/// tunnel or a proxy all clients are one source.
const MAX_FROM_ONE_SOURCE: usize = 10_000;
/// A TLS handshake must be over within this time of the connection's start.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most connections to the port of the metrics.
pub const MAX_METRICS_CONNECTIONS: usize = descriptors::FOR_METRICS;
/// The next request's head must arrive within this time of the connection's start or of the last
/// reply. A client drops its idle connections earlier.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// A reply of which the client takes nothing for this long is given up, with its connection.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest request head, and the most of a body that is buffered before it is processed.
pub(super) const MAX_BUFFER_BYTES: usize = 128 << 10;

/// Limits of the connections at one port.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    pub connections: usize,
    pub from_one_source: usize,
    pub handshake: Duration,
    pub head: Duration,
    pub write_stall: Duration,
}

impl ServeLimits {
    /// The limits of a node that has room for this many connections.
    #[must_use]
    pub fn for_connections(connections: usize) -> Self {
        Self {
            connections,
            // In the same proportion.
            from_one_source: (connections * MAX_FROM_ONE_SOURCE / MAX_CONNECTIONS).max(1),
            handshake: HANDSHAKE_TIMEOUT,
            head: HEAD_TIMEOUT,
            write_stall: WRITE_STALL_TIMEOUT,
        }
    }
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self::for_connections(MAX_CONNECTIONS)
    }
}
