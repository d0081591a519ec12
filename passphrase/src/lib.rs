//! Secrets sealed under a passphrase, for the client's vault and the operator's key; and the
//! places that a passphrase is read from.

mod sealed;
mod source;

pub use sealed::{Fresh, OpenError, SEALED_BYTES, SECRET_BYTES, SealError, Secret, open, seal};
pub use source::{FileError, PASSPHRASE_LIMIT, first_line, prompt};
