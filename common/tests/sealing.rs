//! Sealing from a photo to its parts and back: what must open, and what must not.

#![allow(clippy::unwrap_used)]

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, GrantId, Hash, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingSecret};
use cameo_common::registration::RegistrationMode;
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
    descriptor: Descriptor,
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
        PublicKey([9; 32]),
        RegistrationMode::Open,
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
        descriptor,
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
fn attack_fewer_than_t_nodes_open_nothing() {
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
fn attack_parts_of_another_grant_do_not_mix() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let other = given_a_sealed_photo(2, 3, b"the sea");
    let parts = [given.part(0), other.part(1)];
    assert_eq!(given.open_with(&parts), Err(SealingError::WrongPart));
}

#[test]
fn attack_an_old_deal_does_not_mix_with_a_new_one() {
    // given one share that was dealt twice
    let mut given = given_a_sealed_photo(1, 3, b"the sea");
    let old = [given.part(0), given.part(1)];
    let dealing = Dealing {
        cluster: CLUSTER,
        grant: GRANT,
        owner: OWNER,
        viewer: VIEWER,
        number: 2,
        first_floor: FirstFloor::NEW,
    };
    let share = &given.sealed.cluster_share;
    given.deal = deal(&mut rng(9), &dealing, share, &given.descriptor).unwrap();
    let new = [given.part(0), given.part(1)];
    // then the new parts open the photo, and an old one among them nothing
    assert_eq!(given.open_with(&new).unwrap(), given.photo);
    for mixed in [
        [old[0].clone(), new[1].clone()],
        [new[0].clone(), old[1].clone()],
    ] {
        assert_eq!(given.open_with(&mixed), Err(SealingError::WrongPart));
    }
    // nor does a viewer take a node's old part for its new one
    let mut rng = rng(10);
    let one_time = secret(&mut rng);
    let context = ReleaseContext {
        part: given.context(0),
        request: RequestId([1; 16]),
        request_hash: Hash([2; 32]),
    };
    let opens = |rng: &mut ChaCha20Rng, part: &[u8]| {
        let released = release_part(rng, &context, &one_time.public(), part).unwrap();
        open_release(&one_time, &context, &given.deal.parts[0], &released.sealed)
    };
    assert_eq!(opens(&mut rng, &new[0]).unwrap(), new[0]);
    assert_eq!(opens(&mut rng, &old[0]), Err(SealingError::WrongPart));
}

#[test]
fn attack_a_part_cut_or_flipped_anywhere_is_refused() {
    let given = given_a_sealed_photo(1, 3, b"the sea");
    let mut rng = rng(2);
    let one_time = secret(&mut rng);
    let context = ReleaseContext {
        part: given.context(0),
        request: RequestId([1; 16]),
        request_hash: Hash([2; 32]),
    };
    let dealt = &given.deal.parts[0];
    let part = given.part(0);
    let released = release_part(&mut rng, &context, &one_time.public(), &part).unwrap();
    let whole = released.sealed;
    let opens = |sealed: &[u8]| open_release(&one_time, &context, dealt, sealed);
    assert_eq!(opens(&whole).unwrap(), part);
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        assert!(opens(&flipped).is_err(), "byte {at} as released");
        assert!(opens(&whole[..at]).is_err(), "cut at {at} as released");
    }
    // The same for a part as it was dealt.
    for at in 0..dealt.sealed.len() {
        let mut flipped = dealt.clone();
        flipped.sealed[at] ^= 1;
        let mut cut = dealt.clone();
        cut.sealed.truncate(at);
        for bad in [flipped, cut] {
            let opened = open_part(&given.nodes[0], &given.context(0), &bad);
            assert!(opened.is_err(), "byte {at} as dealt");
        }
    }
}

#[test]
fn attack_a_part_cannot_be_moved_to_another_grant() {
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
fn attack_a_release_opens_for_its_own_request_only_and_a_false_part_is_detected() {
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
fn attack_another_viewers_payload_does_not_open() {
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
fn attack_a_payload_cut_or_flipped_anywhere_is_refused() {
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
fn attack_a_key_that_was_not_committed_to_opens_nothing() {
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
