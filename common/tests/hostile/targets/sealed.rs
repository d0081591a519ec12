//! Sealed photos that are random, damaged, or made by a dishonest owner.

use std::sync::LazyLock;

use cameo_common::ids::{ClusterId, GrantId, Hash};
use cameo_common::keys::{PublicKey, SealingSecret};
use cameo_common::sealing::{
    Opened, PhotoInfo, SHARE_LENGTH, SealedPhoto, SealingError, Share, combine, open_photo,
    open_viewer_share, seal_photo,
};
use cameo_common::statements::{Deal, FirstFloor};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::input::Input;

const GRANT: GrantId = GrantId([3; 32]);
const PHOTO: &[u8] = b"the sea";
/// Version and sealed share.
const HEAD: usize = 81;
const MAX_LABEL: usize = 255;

struct Given {
    viewer: SealingSecret,
    sealed: SealedPhoto,
}

static GIVEN: LazyLock<Given> = LazyLock::new(|| {
    let viewer = SealingSecret::from_bytes([7; 32]);
    let info = PhotoInfo {
        name: "sea.jpg".into(),
        media_type: "image/jpeg".into(),
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let sealed = seal_photo(&mut rng, &GRANT, &viewer.public(), &info, PHOTO);
    Given {
        sealed: sealed.expect("a viewer's key is a key"),
        viewer,
    }
});

/// The payload that opens.
pub fn good() -> &'static [u8] {
    &GIVEN.sealed.payload
}

pub fn sealed_payload(payload: &[u8]) {
    let opened = open(payload, &GIVEN.sealed.key_commitment);
    assert_eq!(opened.is_ok(), payload == good());
}

/// `[kind][...]`: the good payload changed, cut or lengthened; any bytes sealed in place of a
/// photo; or false parts of a share.
pub fn sealed_built(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => sealed_payload(&bent(&mut input)),
        1 => sealed_by_a_liar(input.0),
        _ => dealt_by_a_liar(&mut input),
    }
}

/// `[threshold][parts: 33 each, the last perhaps shorter]`
fn dealt_by_a_liar(input: &mut Input<'_>) {
    let deal = Deal {
        owner: PublicKey([5; 32]),
        viewer: PublicKey([6; 32]),
        cluster: ClusterId([4; 32]),
        grant: GRANT,
        number: 1,
        descriptor: Hash([8; 32]),
        threshold: input.byte(),
        first_floor: FirstFloor::NEW,
        parts: Vec::new(),
    };
    let parts = input.0.chunks(1 + SHARE_LENGTH);
    let parts: Vec<_> = parts.map(|part| part.to_vec().into()).collect();
    let need = usize::from(deal.threshold);
    match combine(&deal, &parts) {
        Ok(_) => assert!(parts.len() >= need),
        Err(SealingError::TooFewParts { .. }) => assert!(parts.len() < need),
        Err(refusal) => assert_eq!(refusal, SealingError::WrongPart),
    }
}

/// `[length: 2][(position: 2, change)...]`
fn bent(input: &mut Input<'_>) -> Vec<u8> {
    let mut payload = good().to_vec();
    payload.resize(input.short() % (2 * payload.len()), 0);
    while !input.0.is_empty() && !payload.is_empty() {
        let at = input.short() % payload.len();
        payload[at] ^= input.byte();
    }
    payload
}

/// The content key by the description of the format, because the library seals photos only.
fn sealed_by_a_liar(plain: &[u8]) {
    let viewer = share();
    let shares = [*viewer.expose(), *GIVEN.sealed.cluster_share.expose()].concat();
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(&GRANT.0), &shares);
    let (mut key, mut commitment) = ([0; 32], [0; 32]);
    hkdf.expand(b"cameo content key v1", &mut key)
        .expect("short");
    hkdf.expand(b"cameo content commitment v1", &mut commitment)
        .expect("short");
    assert_eq!(Hash(commitment), GIVEN.sealed.key_commitment);
    let (head, _) = good().split_at(HEAD);
    let message = Payload {
        msg: plain,
        aad: head,
    };
    let sealed = ChaCha20Poly1305::new(&key.into()).encrypt(&[0; 12].into(), message);
    let payload = [head, &sealed.expect("short")].concat();
    match open(&payload, &Hash(commitment)) {
        Ok(opened) => {
            assert!(opened.info.name.len().max(opened.info.media_type.len()) <= MAX_LABEL);
            assert!(plain.ends_with(&opened.bytes));
            let info = cameo_common::wire::encode(&opened.info);
            assert_eq!(
                [&info[..], &opened.bytes].concat(),
                plain,
                "one photo has one encoding"
            );
        }
        Err(refusal) => assert_eq!(refusal, SealingError::UnknownLayout),
    }
}

fn share() -> Share {
    open_viewer_share(&GIVEN.viewer, &GRANT, good()).expect("it was sealed to this viewer")
}

fn open(payload: &[u8], commitment: &Hash) -> Result<Opened, SealingError> {
    let viewer = open_viewer_share(&GIVEN.viewer, &GRANT, payload)?;
    open_photo(
        &GRANT,
        payload,
        commitment,
        &viewer,
        &GIVEN.sealed.cluster_share,
    )
}
