//! The sealed photo, which is hidden in the carrier.
//!
//! Layout: version (1 byte), sealed viewer share (80 bytes), ChaCha20Poly1305 ciphertext. The
//! content key is used for this one message, so its nonce is zero. The first 81 bytes are the
//! associated data.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::content::{ContentKey, SHARE_LENGTH, Share};
use super::{SealingError, hpke};
use crate::ids::{GrantId, Hash};
use crate::keys::{SealingPublic, SealingSecret};
use crate::wire;

const VERSION: u8 = 1;
const SEALED_SHARE: usize = 32 + SHARE_LENGTH + 16;
const HEAD: usize = 1 + SEALED_SHARE;
const NONCE: [u8; 12] = [0; 12];

/// Most characters in a file name or media type that is sealed with a photo.
pub const MAX_LABEL: usize = 255;

/// The description of a photo, sealed with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoInfo {
    /// The file's own name, without folders.
    pub name: String,
    /// `image/jpeg` and the like, detected from the content.
    pub media_type: String,
}

/// A sealed photo, and the values that its owner keeps or states.
#[derive(Debug)]
pub struct SealedPhoto {
    /// Is hidden in the carrier.
    pub payload: Vec<u8>,
    /// Goes into the manifest.
    pub payload_hash: Hash,
    /// Goes into the manifest.
    pub key_commitment: Hash,
    /// Is dealt to the nodes, and kept by the owner for later deals.
    pub cluster_share: Share,
}

/// A photo that has been opened. Wiped when dropped.
pub struct Opened {
    pub info: PhotoInfo,
    pub bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Opened({}, {} bytes)",
            self.info.media_type,
            self.bytes.len()
        )
    }
}

/// Seals a photo for one grant.
///
/// # Errors
/// [`SealingError::WrongKey`] when the viewer's key is no key.
pub fn seal_photo(
    rng: &mut impl CryptoRng,
    grant: &GrantId,
    viewer: &SealingPublic,
    info: &PhotoInfo,
    photo: &[u8],
) -> Result<SealedPhoto, SealingError> {
    let viewer_share = Share::random(rng);
    let cluster_share = Share::random(rng);
    let key = ContentKey::derive(grant, &viewer_share, &cluster_share);

    let mut payload = vec![VERSION];
    payload.extend(hpke::seal(
        rng,
        viewer,
        &share_info(grant),
        viewer_share.expose(),
    )?);
    debug_assert_eq!(payload.len(), HEAD);

    // At its full size from the start: a buffer that grows leaves a copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(wire::size(info) + photo.len()));
    wire::append(&mut plain, info);
    plain.extend_from_slice(photo);
    let sealed = cipher(&key)
        .encrypt(
            &NONCE.into(),
            Payload {
                msg: &plain,
                aad: &payload,
            },
        )
        .map_err(|_| SealingError::Damaged)?;
    payload.extend(sealed);

    let payload_hash = Hash::of(&payload);
    Ok(SealedPhoto {
        payload,
        payload_hash,
        key_commitment: key.commitment(),
        cluster_share,
    })
}

/// Opens the viewer's own share from a payload. Clients try this before they have a view charged.
///
/// # Errors
/// When the payload's version is unknown, or it was sealed to another viewer.
pub fn open_viewer_share(
    secret: &SealingSecret,
    grant: &GrantId,
    payload: &[u8],
) -> Result<Share, SealingError> {
    if payload.len() < HEAD || payload[0] != VERSION {
        return Err(SealingError::UnknownLayout);
    }
    let share = hpke::open(secret, &share_info(grant), &payload[1..HEAD])?;
    let bytes = share
        .as_slice()
        .try_into()
        .map_err(|_| SealingError::UnknownLayout)?;
    Ok(Share::from_bytes(bytes))
}

/// Opens a payload with both shares.
///
/// # Errors
/// [`SealingError::WrongPart`] when the shares do not give the key that was committed to;
/// [`SealingError::Damaged`] when they do and the payload still does not open.
pub fn open_photo(
    grant: &GrantId,
    payload: &[u8],
    key_commitment: &Hash,
    viewer: &Share,
    cluster: &Share,
) -> Result<Opened, SealingError> {
    if payload.len() < HEAD || payload[0] != VERSION {
        return Err(SealingError::UnknownLayout);
    }
    let key = ContentKey::derive(grant, viewer, cluster);
    if !key.is_committed_to_by(key_commitment) {
        return Err(SealingError::WrongPart);
    }
    let (head, sealed) = payload.split_at(HEAD);
    let plain = cipher(&key)
        .decrypt(
            &NONCE.into(),
            Payload {
                msg: sealed,
                aad: head,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| SealingError::Damaged)?;
    let (info, photo) =
        wire::decode_prefix::<PhotoInfo>(&plain).map_err(|_| SealingError::UnknownLayout)?;
    if info.name.len() > MAX_LABEL || info.media_type.len() > MAX_LABEL {
        return Err(SealingError::UnknownLayout);
    }
    Ok(Opened {
        info,
        bytes: Zeroizing::new(photo.to_vec()),
    })
}

fn cipher(key: &ContentKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.key().into())
}

fn share_info(grant: &GrantId) -> Vec<u8> {
    [b"cameo viewer share v1".as_slice(), &grant.0].concat()
}
