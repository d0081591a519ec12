//! Pinned bytes of each record: a change of an encoding needs a change of its version.

#![allow(clippy::unwrap_used)]

use cameo_codec::Codec;
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::wire;

use super::*;
use crate::vault::{Home, Passphrase};

fn signed<T>(byte: u8) -> Signed<T> {
    Signed::from_bytes(vec![byte; 3])
}

fn bytes<T: Record>(record: &T) -> Vec<u8> {
    wire::encode(record)
}

fn pin<T: Record>(record: &T) -> (u16, usize, String) {
    let bytes = bytes(record);
    let hash = blake3::hash(&bytes).to_hex();
    (T::VERSION, bytes.len(), hash[..16].to_owned())
}

fn identity() -> Identity {
    Identity {
        name: "ada".parse().unwrap(),
        identity: Secret::new([1; 32]),
        device: Secret::new([2; 32]),
        sealing: vec![Secret::new([3; 32])],
        card: signed(4),
        certificate: signed(5),
        cluster: ClusterId([6; 32]),
        nodes: vec!["https://127.0.0.1:1".into()],
        endpoint_sequence: 7,
        created: Millis(8),
        registered: true,
    }
}

fn contact() -> Contact {
    Contact {
        name: "ben".parse().unwrap(),
        key: PublicKey([1; 32]),
        card: signed(2),
        sequence: 3,
        first_met: Millis(4),
    }
}

fn image() -> Image {
    Image {
        image: ImageId([1; 16]),
        title: "t".into(),
        name: "n.jpg".into(),
        media_type: "image/jpeg".into(),
        bytes: 2,
        hash: Hash([3; 32]),
        width: 4,
        height: 5,
        policy: Policy::Ask,
        terms: Terms {
            views: 6,
            expires_after_ms: Some(7),
            may_save: true,
        },
        look: Look {
            codec: Codec::Alpha,
            depth: 9,
            caption: Some("c".into()),
            own_cover: false,
        },
        added: Millis(8),
    }
}

fn image_v1() -> ImageV1 {
    ImageV1 {
        image: ImageId([1; 16]),
        title: "t".into(),
        name: "n.jpg".into(),
        media_type: "image/jpeg".into(),
        bytes: 2,
        hash: Hash([3; 32]),
        width: 4,
        height: 5,
        policy: Policy::Ask,
        terms: Terms {
            views: 6,
            expires_after_ms: Some(7),
            may_save: true,
        },
        look: LookV1 {
            codec: Codec::Alpha,
            own_cover: false,
        },
        added: Millis(8),
    }
}

#[test]
fn the_first_version_of_an_image_still_opens() {
    assert_eq!(pin(&image_v1()), (1, 78, "69edcd86d03f0e4a".to_owned()));
    let image = Image::from(image_v1());
    let expected = Image {
        look: Look {
            codec: Codec::Alpha,
            depth: 2,
            caption: None,
            own_cover: false,
        },
        ..self::image()
    };
    assert_eq!(image, expected);

    // Read from a home that the first version wrote.
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("correct horse")).unwrap();
    vault.put("01", &image_v1()).unwrap();
    assert_eq!(vault.get("01").unwrap(), Some(expected));
}

#[test]
fn a_title_that_repeats_the_file_s_name_is_dropped() {
    let long = "é".repeat(100);
    let wide = "雪".repeat(100);
    for (title, name, expected) in [
        ("beach at 52.5 N", "beach at 52.5 N.jpg", UNTITLED),
        ("IMG_1", "IMG_1", UNTITLED),
        (&long, &format!("{long}.jpg")[..200], UNTITLED),
        (&wide, &wide[..198], UNTITLED),
        ("Beach", "beach at 52.5 N.jpg", "Beach"),
        ("IMG", "IMG_1.jpg", "IMG"),
    ] {
        let image = Image::from(ImageV1 {
            title: title.into(),
            name: name.into(),
            ..image_v1()
        });
        assert_eq!(image.title, expected, "{name}");
        assert_eq!(image.name, name);
    }
}

fn incoming_v1(state: IncomingStateV1) -> IncomingV1 {
    IncomingV1 {
        request: RequestId([1; 16]),
        viewer: "ben".parse().unwrap(),
        viewer_key: PublicKey([2; 32]),
        image: ImageId([3; 16]),
        asked: RequestSubject::More(GrantId([4; 32])),
        note: "n".into(),
        received: Millis(5),
        state,
    }
}

#[test]
fn requests_of_the_first_version_still_open() {
    let denied = incoming_v1(IncomingStateV1::Denied {
        reason: "r".into(),
        told: true,
    });
    assert_eq!(pin(&denied), (1, 108, "d556070e44c42f5d".to_owned()));
    let old = OutgoingV1(outgoing(OutgoingState::Preparing));
    // request, owner, owner's key, image, title, signed request, note, time, state
    let expected = [
        [1; 16].as_slice(),
        &[3, b'a', b'd', b'a'],
        &[2; 32],
        &[3; 16],
        &[1, b't'],
        &[3, 4, 4, 4],
        &[1, b'n'],
        &[5],
        &[1],
    ];
    assert_eq!((OutgoingV1::VERSION, bytes(&old)), (1, expected.concat()));

    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("correct horse")).unwrap();
    let failed = incoming_v1(IncomingStateV1::Failed("w".into()));
    vault.put("01", &failed).unwrap();
    vault.put("01", &old).unwrap();
    let expected = IncomingState::Failed {
        why: "w".into(),
        told: false,
    };
    let opened: Incoming = vault.get("01").unwrap().unwrap();
    assert_eq!((opened.state, opened.note), (expected, failed.note));
    assert_eq!(vault.get("01").unwrap(), Some(old.0));
}

#[test]
fn the_bytes_of_the_states_of_requests_are_pinned() {
    let grant = GrantId([0xaa; 32]);
    let granted = |variant: u8| [[variant].as_slice(), &[0xaa; 32]].concat();
    let text = |variant, rest: &[u8]| [[variant, 1, b'w'].as_slice(), rest].concat();
    let why = || "w".to_owned();
    for (state, expected) in [
        (IncomingState::Waiting, vec![0]),
        (IncomingState::Granted(grant), granted(2)),
        (
            IncomingState::Denied {
                reason: why(),
                told: false,
            },
            text(3, &[0]),
        ),
        (
            IncomingState::Failed {
                why: why(),
                told: true,
            },
            text(4, &[1]),
        ),
    ] {
        assert_eq!(wire::encode(&state), expected, "{state:?}");
    }
    for (state, expected) in [
        (OutgoingState::Signed, vec![0]),
        (OutgoingState::Preparing, vec![1]),
        (OutgoingState::Waiting, vec![2]),
        (OutgoingState::Arrived(grant), granted(3)),
        (OutgoingState::Denied(why()), text(4, &[])),
        (OutgoingState::Failed, vec![5]),
    ] {
        assert_eq!(wire::encode(&state), expected, "{state:?}");
    }
}

fn outgoing(state: OutgoingState) -> Outgoing {
    Outgoing {
        request: RequestId([1; 16]),
        owner: "ada".parse().unwrap(),
        owner_key: PublicKey([2; 32]),
        image: ImageId([3; 16]),
        title: "t".into(),
        signed: signed(4),
        note: "n".into(),
        asked_at: Millis(5),
        state,
    }
}

fn grant_owned() -> GrantOwned {
    GrantOwned {
        grant: GrantId([1; 32]),
        image: ImageId([2; 16]),
        viewer: "ben".parse().unwrap(),
        viewer_key: PublicKey([3; 32]),
        request: signed(4),
        request_id: RequestId([5; 16]),
        manifest: signed(6),
        deal: signed(7),
        cluster_share: Secret::new([8; 32]),
        rights: signed(9),
        version: 10,
        recorded_version: 11,
        acknowledged: 12,
        revoked: false,
        expires: None,
        codec_key: Secret::new([13; 32]),
        carrier: Hash([14; 32]),
        carrier_length: 15,
        worker: NodeId(16),
        leader: NodeId(17),
        stage: Stage::Recorded,
        receipt: Some(signed(18)),
        created: Millis(19),
    }
}

fn grant_held() -> GrantHeld {
    GrantHeld {
        grant: GrantId([1; 32]),
        image: ImageId([2; 16]),
        owner: "ada".parse().unwrap(),
        owner_key: PublicKey([3; 32]),
        request_id: RequestId([4; 16]),
        title: "t".into(),
        manifest: signed(5),
        codec_key: Secret::new([6; 32]),
        carrier: Hash([7; 32]),
        rights: signed(8),
        version: 9,
        confirmed: 10,
        acknowledged: 11,
        used: 12,
        received: Millis(13),
    }
}

#[test]
fn the_bytes_of_a_pending_view_are_pinned() {
    let view = PendingView {
        grant: GrantId([0xaa; 32]),
        request: RequestId([0xbb; 16]),
        signed: signed(0xcc),
        one_time: Secret::new([0xdd; 32]),
        begun: Millis(300),
    };
    // grant, request id, length and bytes of the statement, one-time secret, varint of the time
    let expected = [
        [0xaa; 32].as_slice(),
        &[0xbb; 16],
        &[3, 0xcc, 0xcc, 0xcc],
        &[0xdd; 32],
        &[0xac, 0x02],
    ]
    .concat();
    assert_eq!(PendingView::VERSION, 1);
    assert_eq!(bytes(&view), expected);
}

#[test]
fn the_bytes_of_every_record_are_pinned() {
    let incoming = Incoming {
        request: RequestId([1; 16]),
        viewer: "ben".parse().unwrap(),
        viewer_key: PublicKey([2; 32]),
        image: ImageId([3; 16]),
        asked: RequestSubject::More(GrantId([4; 32])),
        note: "n".into(),
        received: Millis(5),
        state: IncomingState::Denied {
            reason: "r".into(),
            told: true,
        },
    };
    let outgoing = outgoing(OutgoingState::Arrived(GrantId([6; 32])));
    let attempts = Attempts {
        key: OutboxKey::Ask(RequestId([1; 16])),
        count: 2,
        next: Millis(3),
        last_error: "e".into(),
    };
    let seen = SeenGallery {
        titles: vec![(ImageId([1; 16]), "t".into())],
    };
    let found = [
        pin(&seen),
        pin(&identity()),
        pin(&EventToken { sequence: 9 }),
        pin(&contact()),
        pin(&image()),
        pin(&grant_owned()),
        pin(&grant_held()),
        pin(&incoming),
        pin(&outgoing),
        pin(&attempts),
    ];
    let pinned = PINNED.map(|(version, length, hash)| (version, length, hash.to_owned()));
    assert_eq!(found, pinned);
}

#[test]
fn the_bytes_of_an_unconfirmed_ending_are_pinned() {
    let ending = UnconfirmedEnding {
        grant: GrantId([1; 32]),
        version: 300,
    };
    let pinned = [&[1; 32][..], &[0xac, 0x02]].concat();
    assert_eq!((UnconfirmedEnding::VERSION, bytes(&ending)), (1, pinned));
}

#[test]
fn the_bytes_of_another_agents_sign_are_pinned() {
    let noticed = OtherAgent {
        noticed: Millis(300),
    };
    assert_eq!(
        (OtherAgent::VERSION, bytes(&noticed)),
        (1, vec![0xac, 0x02])
    );
}

/// Version, length and the first 16 hex digits of the hash of: seen gallery, identity, event token,
/// contact, image, grant as owner, grant as viewer, request in, request out, attempts.
const PINNED: [(u16, usize, &str); 10] = [
    (1, 19, "665a4d628758aac7"),
    (2, 165, "e4db0a0eeed499bd"),
    (1, 1, "7219aa1099ced744"),
    (1, 42, "0d0a5367700ea696"),
    (2, 82, "0e5b5597d32058cf"),
    (1, 227, "073737089b442660"),
    (1, 179, "67cbda43d5fe0e84"),
    (2, 108, "d556070e44c42f5d"),
    (2, 110, "a566e17ab691baa8"),
    (1, 21, "e6ce9a4069626f04"),
];

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}{:?}{:?}", identity(), grant_owned(), grant_held());
    assert!(printed.contains("Secret(..)"));
    assert!(
        !printed.contains("1, 1, 1") && !printed.contains("13, 13"),
        "{printed}"
    );
}
