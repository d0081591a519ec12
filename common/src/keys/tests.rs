#![allow(clippy::unwrap_used)]
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha512};

use super::*;

const MESSAGE: &[u8] = b"three views";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

/// A right claim.
fn right(number: u8) -> SignatureClaim {
    let key = SigningKey::from_seed([number; 32]);
    let message = vec![number; 40];
    SignatureClaim {
        key: key.public(),
        signature: key.sign(&message),
        message,
    }
}

/// Right claims with this one among them at `at`.
fn among(claim: &SignatureClaim, at: usize, others: u8) -> Vec<SignatureClaim> {
    let mut claims: Vec<_> = (1..=others).map(right).collect();
    claims.insert(at, claim.clone());
    claims
}

/// Checks the answer to a claim singly, and in batches of several sizes at each place.
fn assert_verifies(claim: &SignatureClaim, expected: bool, what: &str) {
    assert_eq!(claim.verify(), expected, "{what}");
    for others in [0, 1, 4, 8, 19] {
        for at in 0..=usize::from(others) {
            let claims = among(claim, at, others);
            let mut answers = vec![true; claims.len()];
            answers[at] = expected;
            assert_eq!(verify_batch(&claims, &mut rng()), answers, "{what} at {at}");
        }
    }
}

/// A signature under these encodings that holds for each rule with the cofactor: the points are
/// `secret * B` and `nonce * B`, but for parts of small order.
fn signed_as(
    key: [u8; 32],
    secret: Scalar,
    nonce_point: [u8; 32],
    nonce: Scalar,
) -> SignatureClaim {
    let hash = Sha512::new()
        .chain_update(nonce_point)
        .chain_update(key)
        .chain_update(MESSAGE);
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let s = nonce + challenge * secret;
    let mut signature = [0; SIGNATURE_LENGTH];
    signature[..32].copy_from_slice(&nonce_point);
    signature[32..].copy_from_slice(s.as_bytes());
    SignatureClaim {
        key: PublicKey(key),
        message: MESSAGE.to_vec(),
        signature,
    }
}

fn encoded(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

fn times_base(scalar: Scalar) -> EdwardsPoint {
    ED25519_BASEPOINT_POINT * scalar
}

/// Every encoding of the points of small order, the canonical ones and the others: y or y + p
/// where that has 255 bits, with both bits of the sign.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| encoded(*point)).collect();
    for low in [0xed, 0xee] {
        // p and p + 1: y = 0 and y = 1
        let mut y = [0xff; 32];
        y[0] = low;
        y[31] = 0x7f;
        all.push(y);
    }
    for mut key in all.clone() {
        key[31] ^= 0x80;
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all
}

/// Encodings of y at or above p that are points, with both bits of the sign.
fn non_canonical_encodings() -> Vec<[u8; 32]> {
    let mut all = Vec::new();
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut y = [0xff; 32];
            (y[0], y[31]) = (low, high);
            if curve25519_dalek::edwards::CompressedEdwardsY(y)
                .decompress()
                .is_some()
            {
                all.push(y);
            }
        }
    }
    all
}

#[test]
fn a_right_signature_verifies() {
    assert_verifies(&right(99), true, "right");
}

#[test]
fn attack_a_key_of_small_order_signs_nothing() {
    let all = small_order_encodings();
    assert_eq!(all.len(), 14);
    for key in all {
        // given a signature that holds for the group's order, by a secret of 0
        let nonce = Scalar::from(5_u64);
        let claim = signed_as(key, Scalar::ZERO, encoded(times_base(nonce)), nonce);
        assert_verifies(&claim, false, "small order");
        // and one for which no random number was needed
        let identity = encoded(EdwardsPoint::identity());
        let claim = signed_as(key, Scalar::ZERO, identity, Scalar::ZERO);
        assert_verifies(&claim, false, "small order");
    }
}

#[test]
fn attack_a_key_that_is_not_canonical_is_refused() {
    let all = non_canonical_encodings();
    assert!(all.len() > 10, "{}", all.len());
    for key in all {
        assert!(!encoding::is_sound(&key));
        let identity = encoded(EdwardsPoint::identity());
        let claim = signed_as(key, Scalar::ZERO, identity, Scalar::ZERO);
        assert_verifies(&claim, false, "not canonical");
    }
}

#[test]
fn only_keys_that_are_canonical_and_not_of_small_order_are_sound() {
    for number in 1..=50_u8 {
        let key = right(number).key.0;
        assert!(encoding::is_sound(&key));
    }
    // p - 2 is the greatest y that is canonical and not of small order
    let mut y = [0xff; 32];
    (y[0], y[31]) = (0xeb, 0x7f);
    assert!(encoding::is_sound(&y));
    for point in EIGHT_TORSION {
        let mixed = encoded(point + times_base(Scalar::from(7_u64)));
        assert!(encoding::is_sound(&mixed));
        assert!(!encoding::is_sound(&encoded(point)));
    }
}

/// Where rules without the cofactor say no, or singly otherwise than in batches.
#[test]
fn signatures_with_parts_of_small_order_verify_singly_and_in_batches() {
    let (secret, nonce) = (Scalar::from(1_234_567_u64), Scalar::from(7_654_321_u64));
    let key = encoded(times_base(secret));
    for torsion in EIGHT_TORSION {
        let mixed_nonce = encoded(times_base(nonce) + torsion);
        let claim = signed_as(key, secret, mixed_nonce, nonce);
        assert_verifies(&claim, true, "R of mixed order");
        let claim = signed_as(key, secret, encoded(torsion), Scalar::ZERO);
        assert_verifies(&claim, true, "R of small order");
        let mixed_key = encoded(times_base(secret) + torsion);
        let claim = signed_as(mixed_key, secret, encoded(times_base(nonce)), nonce);
        assert_verifies(&claim, true, "a key of mixed order");
    }
}

#[test]
fn an_r_that_is_not_canonical_verifies_singly_and_in_batches() {
    let secret = Scalar::from(1_234_567_u64);
    let key = encoded(times_base(secret));
    let mut tried = 0;
    for r in small_order_encodings() {
        let is_canonical = EIGHT_TORSION.iter().any(|point| encoded(*point) == r);
        if !is_canonical {
            tried += 1;
            let claim = signed_as(key, secret, r, Scalar::ZERO);
            assert_verifies(&claim, true, "R not canonical");
        }
    }
    assert_eq!(tried, 6);
}

#[test]
fn attack_an_s_at_or_above_the_order_is_refused() {
    // given the order l, little-endian
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    // when it is added to the s of a right signature
    let mut claim = right(99);
    let mut carry = 0_u16;
    for (byte, add) in claim.signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_verifies(&claim, false, "s + l");
    let mut claim = right(99);
    claim.signature[32..].copy_from_slice(&order);
    assert_verifies(&claim, false, "s = l");
}

#[test]
fn an_r_that_is_no_point_and_a_key_that_is_none_are_refused() {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let mut claim = right(99);
    claim.signature[..32].copy_from_slice(&no_point);
    assert_verifies(&claim, false, "R is no point");
    let mut claim = right(99);
    claim.key = PublicKey(no_point);
    assert_verifies(&claim, false, "the key is no point");
}

/// RFC 8032, section 7.1, tests 1 and 2.
#[test]
fn the_vectors_of_the_standard_verify() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    for (key, message, signature) in [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ] {
        let claim = SignatureClaim {
            key: PublicKey(hex(key).try_into().unwrap()),
            message: hex(message),
            signature: hex(signature).try_into().unwrap(),
        };
        assert_verifies(&claim, true, "RFC 8032");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each byte of key, message or signature may be changed, in any number of members; several
    /// members may have one key, or be the same.
    #[test]
    fn a_batch_says_of_each_member_what_it_is_singly(
        members in prop::collection::vec(
            (1..6_u8, prop::option::weighted(0.3, 0..136_usize)),
            0..70,
        ),
        seed in any::<[u8; 32]>(),
    ) {
        let claims: Vec<_> = members
            .into_iter()
            .map(|(number, altered)| {
                let mut claim = right(number);
                match altered {
                    Some(at @ 0..32) => claim.key.0[at] ^= 1,
                    Some(at @ 32..72) => claim.message[at - 32] ^= 1,
                    Some(at) => claim.signature[at - 72] ^= 1,
                    None => {}
                }
                claim
            })
            .collect();
        let singly: Vec<_> = claims.iter().map(SignatureClaim::verify).collect();
        let mut rng = ChaCha20Rng::from_seed(seed);
        prop_assert_eq!(verify_batch(&claims, &mut rng), singly);
    }
}
