//! Requests of this user: one for each image, the same however often it is asked.

mod ask;
mod error;
mod outgoing;

pub use ask::{ASKED_AT_ONCE, answered, ask, open_requests};
pub use error::RequestError;
pub use outgoing::{held, held_elsewhere, once_more, request, unasked};
