//! TLS 1.3 with raw Ed25519 public keys (RFC 7250): no certificates, names or authorities.
//!
//! TLS proves that the peer has some key, and gives the key: see [`peer_key`]. Whether that key is
//! the right one is said beforehand, by [`Expected`], or decided afterwards by the caller.

mod config;
mod signer;
mod spki;
mod verifier;

pub use config::{API_ALPN, client, server};
pub use rustls::Error;
pub use spki::{key_of_certificate, peer_key};
pub use verifier::Expected;

#[cfg(test)]
mod tests;
