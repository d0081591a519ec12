//! Requests of this user: at most one open request for an image, repeated until it is answered.

mod ask;
mod error;
mod outgoing;

pub use ask::{CONCURRENT_OUTGOING, ask, open_requests, store_answer};
pub use error::RequestError;
pub use outgoing::{held, held_elsewhere, not_sent, reopen, request};
