//! Canonical encoding: postcard, accepted only if encoding the decoded value gives the same bytes.
//!
//! postcard by itself accepts overlong integers and ignores bytes after a value. Either would allow
//! two encodings of one statement, and so two hashes. This crate is the only user of postcard.
//!
//! Encoding is one pass over the value. Decoding is two: the second one encodes the decoded value
//! and compares each byte with the input, without a buffer, up to the first difference. So the
//! check costs about as much as encoding, and allocates nothing.
//!
//! Types whose encoding depends on more than their value, such as `HashMap`, cannot be decoded.

mod decode;
mod encode;
mod versioned;

pub use decode::{WireError, decode, decode_own, decode_prefix, peek};
pub use encode::{append, encode, encode_secret, size};
pub use versioned::{VersionError, decode_after_version, decode_versioned, encode_versioned};

#[cfg(test)]
mod tests;
