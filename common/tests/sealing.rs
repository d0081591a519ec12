//! Sealing from a photo to its parts and back: what must open, and what must not.

#![allow(clippy::unwrap_used)]

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, GrantId, Hash, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingSecret};
use cameo_common::sealing::{
    Dealing, PartContext, PhotoInfo, ReleaseContext, SealedPhoto, SealingError, combine, deal,
    open_part, open_photo, open_release, open_viewer_share, release_part, seal_photo,
};
use cameo_common::statements::{Deal, FirstFloor};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

const GRANT: GrantId = GrantId([3; 32]);
const CLUSTER: ClusterId = ClusterId([4; 32]);
const OWNER: PublicKey = PublicKey([5; 32]);
const VIEWER: PublicKey = PublicKey([6; 32]);

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn secret(rng: &mut impl Rng) -> SealingSecret {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    SealingSecret::from_bytes(bytes)
}

fn info() -> PhotoInfo {
    PhotoInfo {
        name: "sea.jpg".into(),
        media_type: "image/jpeg".into(),
    }
}

/// A cluster of `n` nodes, and a sealed photo whose cluster share is dealt to it.
struct Sealed {
    viewer: SealingSecret,
    nodes: Vec<SealingSecret>,
    photo: Vec<u8>,
    sealed: SealedPhoto,
    deal: Deal,
}

fn given_a_sealed_photo(seed: u64, n: u8, photo: &[u8]) -> Sealed {
    let mut rng = rng(seed);
    let viewer = secret(&mut rng);
    let nodes: Vec<_> = (0..n).map(|_| secret(&mut rng)).collect();
    let identity = |(at, node): (usize, &SealingSecret)| NodeIdentity {
        id: NodeId(at as u64 + 1),
        key: PublicKey([at as u8; 32]),
        sealing: node.public(),
    };
    let descriptor = Descriptor::genesis(
        nodes.iter().enumerate().map(identity).collect(),
        Hash([8; 32]),
    );
    let sealed = seal_photo(&mut rng, &GRANT, &viewer.public(), &info(), photo).unwrap();
    let dealing = Dealing {
        cluster: CLUSTER,
        grant: GRANT,
        owner: OWNER,
        viewer: VIEWER,
        number: 1,
        first_floor: FirstFloor::NEW,
    };
    let deal = deal(&mut rng, &dealing, &sealed.cluster_share, &descriptor).unwrap();
    Sealed {
        viewer,
        nodes,
        photo: photo.to_vec(),
        sealed,
        deal,
    }
}

impl Sealed {
    fn context(&self, at: usize) -> PartContext {
        PartContext::of(&self.deal, &self.deal.parts[at])
    }

    fn part(&self, at: usize) -> Zeroizing<Vec<u8>> {
        open_part(&self.nodes[at], &self.context(at), &self.deal.parts[at]).unwrap()
    }

    fn open_with(&self, parts: &[Zeroizing<Vec<u8>>]) -> Result<Vec<u8>, SealingError> {
        let cluster = combine(&self.deal, parts)?;
        let viewer = open_viewer_share(&self.viewer, &GRANT, &self.sealed.payload)?;
        let opened = open_photo(
            &GRANT,
            &self.sealed.payload,
            &self.sealed.key_commitment,
            &viewer,
            &cluster,
        )?;
        assert_eq!(opened.info, info());
        Ok(opened.bytes.to_vec())
    }
}

#[test]
fn every_majority_of_nodes_opens_the_photo() {
    for n in 1..=5u8 {
        let given = given_a_sealed_photo(u64::from(n), n, b"the sea");
        let need = usize::from(given.deal.threshold);
        for first in 0..usize::from(n) {
            let parts: Vec<_> = (0..need)
                .map(|at| given.part((first + at) % usize::from(n)))
                .collect();
            assert_eq!(
                given.open_with(&parts).unwrap(),
                given.photo,
                "{n} nodes from {first}"
            );
        }
    }
}

#[test]
fn a_minority_of_nodes_opens_nothing() {
    let given = given_a_sealed_photo(1, 5, b"the sea");
    let parts = [given.part(0), given.part(1)];
    assert_eq!(
        given.open_with(&parts),
        Err(SealingError::TooFewParts { have: 2, need: 3 })
    );
    // Nor when one part is used three times.
    let parts = [given.part(0), given.part(0), given.part(0)];
    assert_eq!(given.open_with(&parts), Err(SealingError::WrongPart));
}

#[test]
fn parts_of_another_deal_do_not_mix() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let other = given_a_sealed_photo(2, 3, b"the sea");
    let parts = [given.part(0), other.part(1)];
    assert_eq!(given.open_with(&parts), Err(SealingError::WrongPart));
}

#[test]
fn a_part_cannot_be_moved() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let context = given.context(0);
    let part = &given.deal.parts[0];
    let moved = [
        PartContext {
            grant: GrantId([9; 32]),
            ..context.clone()
        },
        PartContext {
            cluster: ClusterId([9; 32]),
            ..context.clone()
        },
        PartContext {
            owner: VIEWER,
            ..context.clone()
        },
        PartContext {
            viewer: OWNER,
            ..context.clone()
        },
        PartContext {
            deal: 2,
            ..context.clone()
        },
        PartContext {
            x: context.x + 1,
            ..context.clone()
        },
        PartContext {
            threshold: 3,
            ..context.clone()
        },
        PartContext {
            nodes: 4,
            ..context.clone()
        },
    ];
    for context in moved {
        assert_eq!(
            open_part(&given.nodes[0], &context, part).unwrap_err(),
            SealingError::WrongKey,
            "{context:?}"
        );
    }
    assert_eq!(
        open_part(&given.nodes[1], &context, part).unwrap_err(),
        SealingError::WrongKey
    );
}

#[test]
fn a_release_opens_for_its_own_request_only_and_a_false_part_is_detected() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let mut rng = rng(2);
    let (one_time, stranger) = (secret(&mut rng), secret(&mut rng));
    let context = ReleaseContext {
        part: given.context(0),
        request: RequestId([1; 16]),
        request_hash: Hash([2; 32]),
    };
    let part = &given.deal.parts[0];

    let released = release_part(&mut rng, &context, &one_time.public(), &given.part(0)).unwrap();
    assert_eq!(
        open_release(&one_time, &context, part, &released.sealed).unwrap(),
        given.part(0)
    );
    assert_eq!(
        open_release(&stranger, &context, part, &released.sealed).unwrap_err(),
        SealingError::WrongKey
    );
    let other = ReleaseContext {
        request_hash: Hash([3; 32]),
        ..context.clone()
    };
    assert_eq!(
        open_release(&one_time, &other, part, &released.sealed).unwrap_err(),
        SealingError::WrongKey
    );

    let mut lie = given.part(0).to_vec();
    lie[5] ^= 1;
    let lied = release_part(&mut rng, &context, &one_time.public(), &lie).unwrap();
    assert_eq!(
        open_release(&one_time, &context, part, &lied.sealed).unwrap_err(),
        SealingError::WrongPart
    );
}

#[test]
fn another_viewer_is_refused_before_a_view_is_charged() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let stranger = secret(&mut rng(9));
    assert_eq!(
        open_viewer_share(&stranger, &GRANT, &given.sealed.payload).unwrap_err(),
        SealingError::WrongKey
    );
    let other = GrantId([1; 32]);
    assert_eq!(
        open_viewer_share(&given.viewer, &other, &given.sealed.payload).unwrap_err(),
        SealingError::WrongKey
    );
}

/// The seed, the pinned payload and its keys: `payload-1.hex` was written by version 1.
#[test]
fn the_payload_of_version_1_still_opens() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let pinned = include_str!("vectors/sealing/payload-1.hex").trim();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&given.sealed.payload),
        pinned
    );
}

#[test]
fn every_must_fail_file_is_refused() {
    let mut given = given_a_sealed_photo(1, 3, b"the sea");
    let parts = [given.part(0), given.part(1)];
    assert_eq!(given.open_with(&parts).unwrap(), b"the sea");
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/sealing/must-fail"
    );
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        given.sealed.payload = data_encoding::HEXLOWER
            .decode(text.trim().as_bytes())
            .unwrap();
        assert!(given.open_with(&parts).is_err(), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 12, "the must-fail files are gone: {seen}");
}

#[test]
fn every_damaged_payload_is_refused() {
    let mut given = given_a_sealed_photo(1, 3, b"the sea");
    let parts = [given.part(0), given.part(1)];
    let good = given.sealed.payload.clone();
    for at in 0..good.len() {
        given.sealed.payload = good.clone();
        given.sealed.payload[at] ^= 0x80;
        assert!(given.open_with(&parts).is_err(), "byte {at}");
        given.sealed.payload = good[..at].to_vec();
        assert!(given.open_with(&parts).is_err(), "cut at {at}");
    }
}

#[test]
fn a_key_that_was_not_committed_to_opens_nothing() {
    let mut given = given_a_sealed_photo(1, 3, b"the sea");
    let parts = [given.part(0), given.part(1)];
    given.sealed.key_commitment = Hash([0; 32]);
    assert_eq!(given.open_with(&parts), Err(SealingError::WrongPart));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_photo_comes_back_bit_for_bit(
        seed: u64,
        n in 1..=7u8,
        photo in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        let given = given_a_sealed_photo(seed, n, &photo);
        let need = usize::from(given.deal.threshold);
        let last = usize::from(n) - need..usize::from(n);
        let parts: Vec<_> = last.map(|at| given.part(at)).collect();
        prop_assert_eq!(given.open_with(&parts).unwrap(), photo);
    }
}
