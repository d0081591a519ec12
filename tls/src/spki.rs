//! Encoding of a raw public key: SubjectPublicKeyInfo in DER.

use cameo_common::keys::PublicKey;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};

/// RFC 8410: SubjectPublicKeyInfo of an Ed25519 key, up to the 32 key bytes.
const PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

pub(crate) fn encode(key: &PublicKey) -> Vec<u8> {
    [&PREFIX[..], &key.0].concat()
}

pub(crate) fn decode(spki: &[u8]) -> Result<PublicKey, Error> {
    spki.strip_prefix(&PREFIX)
        .and_then(|key| <[u8; 32]>::try_from(key).ok())
        .map(PublicKey)
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// The key in what a TLS library calls the certificate.
///
/// # Errors
/// When it is not an Ed25519 key.
pub fn key_of_certificate(der: &[u8]) -> Result<PublicKey, Error> {
    decode(der)
}

/// The key of the peer, from what a finished handshake has as its certificates.
///
/// # Errors
/// When it is not one Ed25519 key.
pub fn peer_key(certificates: Option<&[CertificateDer<'_>]>) -> Result<PublicKey, Error> {
    match certificates {
        Some([only]) => decode(only),
        _ => Err(Error::NoCertificatesPresented),
    }
}
