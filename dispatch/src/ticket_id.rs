//! The id of one signed ticket.

use std::fmt;

use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use serde::{Deserialize, Serialize};

/// The first half of the hash of a signed ticket. Two placements of one job have two ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TicketId(pub [u8; 16]);

impl TicketId {
    /// The id of a ticket.
    #[must_use]
    pub fn of(ticket: &Signed<Ticket>) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&ticket.hash().0[..16]);
        Self(id)
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketId({:032x})", u128::from_be_bytes(self.0))
    }
}
