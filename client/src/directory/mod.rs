//! Who somebody is, and where: what the directory tells, checked against what this home knows.
//!
//! First contact is trust on first use: the key is pinned, and another key under the same name is
//! refused from then on, as is a card older than one that was seen. Of a device's certificate and
//! address the newest that was seen holds, whatever the directory tells later.

mod pin;
mod resolve;
mod seen;
#[cfg(test)]
mod tests;

pub use pin::{PinError, pin};
pub use resolve::{DirectoryError, Person, look_up};
