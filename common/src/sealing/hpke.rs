//! HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//!
//! Every use has an `info` of its own that begins with a label, so that nothing sealed for one
//! purpose opens for another.

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256 as Kem,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::SealingError;
use crate::keys::{SealingPublic, SealingSecret};

const ENCAPPED: usize = 32;

/// Seals to a key: encapsulated key (32 bytes), then ciphertext with its tag (16 bytes more).
pub fn seal(
    rng: &mut impl CryptoRng,
    to: &SealingPublic,
    info: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealingError> {
    let key =
        <Kem as hpke::Kem>::PublicKey::from_bytes(&to.0).map_err(|_| SealingError::WrongKey)?;
    let (encapped, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &key,
            info,
            plaintext,
            &[],
            rng,
        )
        .map_err(|_| SealingError::WrongKey)?;
    Ok([encapped.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what was sealed to this key with this info.
pub fn open(
    secret: &SealingSecret,
    info: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    let (encapped, ciphertext) = sealed
        .split_at_checked(ENCAPPED)
        .ok_or(SealingError::WrongKey)?;
    let key = <Kem as hpke::Kem>::PrivateKey::from_bytes(secret.expose())
        .map_err(|_| SealingError::WrongKey)?;
    let encapped = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapped)
        .map_err(|_| SealingError::WrongKey)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeR::Base,
        &key,
        &encapped,
        info,
        ciphertext,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| SealingError::WrongKey)
}
