//! What comes to a viewer: carriers, and the rights to them.

mod carrier;
mod delivery;
mod error;
mod fit;
mod parts;
mod rights;

pub use carrier::has_carrier;
pub use delivery::Receiver;
pub use error::ReceiveError;
pub use parts::MAX_PARTS;
pub use rights::{ReceivedRightsError, Taken, acknowledge, acknowledgement, confirm, take};
