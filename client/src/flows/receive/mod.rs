//! Receiving of carriers and rights by a viewer.

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
pub use rights::{
    ReceivedRightsError, RightsEffect, acknowledge, acknowledgement, store_rights_of_ledger,
    store_rights_of_owner,
};
