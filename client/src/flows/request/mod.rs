//! Requests of this user: at most one open request for an image, repeated until it is answered.

mod ask;
mod error;
mod outgoing;
mod retired;

pub use ask::{CONCURRENT_OUTGOING, ask, open_requests, store_answer};
pub use error::RequestError;
pub use outgoing::{held, held_elsewhere, not_sent, reopen, request};
pub use retired::{end_those_to_retired, retired_viewers};
