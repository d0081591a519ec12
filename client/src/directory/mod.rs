//! Look-up of users in the cluster's directory, verified against this home's records.
//!
//! First contact is trust on first use: the key that a majority of the nodes shows is pinned.
//! Another key under the same name is refused from then on, and so is a card older than the stored
//! one. Of a device's certificate and endpoint record the newest version seen is used, even if the
//! directory returns an older one later; a device that its user has revoked is refused for good.

mod look_up;
mod more_nodes;
mod pin;
mod resolve;
mod retired;
mod seen;
#[cfg(test)]
mod tests;

pub use look_up::{look_up, look_up_active};
pub use pin::{PinError, pin};
pub use resolve::{DirectoryError, ResolvedUser};
pub use retired::{believed, is_retired, is_user_retired};
pub use seen::is_revoked;
