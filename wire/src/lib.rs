//! Canonical bytes: postcard, accepted only when encoding the value again gives the same bytes.
//!
//! postcard by itself takes overlong integers and ignores what follows a value; both would let one
//! statement have two encodings, and so two hashes. This crate is the only user of postcard.
//!
//! Cost: encoding is one pass over the value. Decoding is two: the second one encodes the decoded
//! value into a comparison with the input, byte for byte, without a buffer, and ends at the first
//! difference. So decoding costs about as much more as encoding does, and allocates nothing more.
//!
//! Types whose encoding depends on more than their value (a `HashMap`, say) cannot be decoded.

mod decode;
mod encode;
mod versioned;

pub use decode::{WireError, decode, decode_prefix, peek};
pub use encode::{append, encode, encode_secret, size};
pub use versioned::{VersionError, decode_after_version, decode_versioned, encode_versioned};

#[cfg(test)]
mod tests;
