#![allow(clippy::unwrap_used)]
//! Keys and certificates of test voters, and the rule of certificates.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::statements::Checkpoint;

use super::*;

pub const CLUSTER: ClusterId = ClusterId([5; 32]);

/// The key of a test voter.
pub fn key(voter: u8) -> SigningKey {
    SigningKey::from_seed([voter; 32])
}

/// Three voters; two make a certificate.
pub fn voters() -> Voters {
    let nodes = [1, 2, 3].map(|voter| NodeIdentity {
        id: NodeId(u64::from(voter)),
        key: key(voter).public(),
        sealing: SealingPublic([voter; 32]),
    });
    let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Open);
    let descriptor = Descriptor::genesis(nodes.into(), operator, mode, Hash([9; 32]));
    Voters::of(&descriptor, CLUSTER)
}

/// Their signatures over one state.
pub fn certificate(by: &[u8], point: &StatePoint) -> Certificate {
    let signed = by.iter().map(|voter| point.signed(&key(*voter), CLUSTER));
    Certificate(signed.collect())
}

fn point() -> StatePoint {
    StatePoint::new(3, 40, b"header", &[7; 32])
}

fn check(certificate: &Certificate, point: &StatePoint) -> Result<(), NotCertified> {
    voters().check(Some(certificate), point)
}

#[test]
fn a_majority_of_the_voters_certifies_a_state() {
    assert_eq!(check(&certificate(&[1, 3], &point()), &point()), Ok(()));
    assert_eq!(check(&certificate(&[3, 2, 1], &point()), &point()), Ok(()));
}

#[test]
fn attack_a_state_without_the_signatures_of_a_majority_is_not_certified() {
    let too_few = NotCertified::TooFew {
        signed: 1,
        needed: 2,
    };
    assert_eq!(voters().check(None, &point()), Err(NotCertified::None));
    assert_eq!(
        check(&certificate(&[2], &point()), &point()),
        Err(too_few.clone())
    );
    // One voter's signature twice is one signature.
    assert_eq!(
        check(&certificate(&[2, 2], &point()), &point()),
        Err(too_few)
    );
    assert_eq!(
        check(&certificate(&[1, 4], &point()), &point()),
        Err(NotCertified::NotVoter)
    );
}

#[test]
fn attack_a_certificate_is_of_one_state_term_and_index_in_one_cluster() {
    let certificate = certificate(&[1, 2], &point());
    let header = StatePoint::new(3, 40, b"another", &[7; 32]);
    let rows = StatePoint::new(3, 40, b"header", &[8; 32]);
    let later = StatePoint {
        index: 41,
        ..point()
    };
    let other_term = StatePoint { term: 4, ..point() };
    for other in [header, rows, later, other_term] {
        assert_eq!(
            check(&certificate, &other),
            Err(NotCertified::OtherState { term: 3, index: 40 })
        );
    }
    let elsewhere = [1, 2].map(|voter| point().signed(&key(voter), ClusterId([6; 32])));
    assert_eq!(
        check(&Certificate(elsewhere.into()), &point()),
        Err(NotCertified::OtherCluster)
    );
}

#[test]
fn attack_a_flipped_byte_in_a_certificate_is_refused() {
    let good = certificate(&[1, 2], &point()).encode();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let taken = Certificate::decode(&bytes).is_ok_and(|it| check(&it, &point()).is_ok());
        assert!(!taken, "byte {at}");
    }
}

#[test]
fn the_bytes_of_a_certificate_are_pinned_and_their_number_is_limited() {
    let one: Signed<Checkpoint> = Signed::from_bytes(vec![3, 4]);
    let certificate = Certificate(vec![one.clone()]);
    assert_eq!(certificate.encode(), [1, 1, 2, 3, 4]);
    assert_eq!(Certificate::decode(&[1, 1, 2, 3, 4]).unwrap(), certificate);
    assert!(Certificate::decode(&[2, 1, 2, 3, 4]).is_err());
    let many = Certificate(vec![one; 16]);
    assert!(Certificate::decode(&many.encode()).is_err());
}

#[test]
fn the_signed_hash_of_a_state_is_pinned() {
    // Of `cameo checkpoint state v1`: the digest of the rows, then the header.
    let hex: String = point().state.0.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "e42583072428c2ce5f743a97636d1e7c8c09aea475dffa458d822dda07975bba"
    );
}

#[test]
fn fixed_indexes_are_multiples_of_the_interval_and_few_states_are_kept() {
    let checkpoints = Checkpoints::default();
    assert!(!checkpoints.is_fixed(20), "no interval, no fixed index");
    checkpoints.set_interval(20);
    let fixed: Vec<_> = (0..=60)
        .filter(|index| checkpoints.is_fixed(*index))
        .collect();
    assert_eq!(fixed, [20, 40, 60]);
    checkpoints.request(33);
    assert!(checkpoints.is_fixed(33) && checkpoints.is_fixed(40) && !checkpoints.is_fixed(34));
    for index in 1..=257 {
        checkpoints.add(StatePoint { index, ..point() });
    }
    assert_eq!(checkpoints.at(1), None);
    assert_eq!(checkpoints.at(2).unwrap().index, 2);
}
