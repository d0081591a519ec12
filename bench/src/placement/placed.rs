//! Placements of simulated jobs.

use cameo_common::ids::NodeId;
use cameo_dispatch::TicketId;

/// Placement of a job.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    pub node: NodeId,
    pub incarnation: u64,
    pub ticket: TicketId,
}
