//! Pinned bytes of each record: a change of an encoding needs a change of its version.

#![allow(clippy::unwrap_used)]

use cameo_codec::Codec;
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::wire;

use super::*;
use crate::vault::{Home, Passphrase};

mod newest_descriptor;
mod older;

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
        media_type: Some("image/jpeg".into()),
    }
}

#[test]
fn the_bytes_of_an_earlier_cluster_are_pinned() {
    let earlier = EarlierCluster {
        cluster: ClusterId([1; 32]),
        nodes: vec!["n".to_owned()],
        newest: Some((300, Hash([2; 32]))),
        next: ClusterId([3; 32]),
        followed: Millis(300),
    };
    let pinned = [
        &[1; 32][..],
        &[1, 1, b'n', 1, 0xac, 2],
        &[2; 32],
        &[3; 32],
        &[0xac, 2],
    ]
    .concat();
    assert_eq!((EarlierCluster::VERSION, bytes(&earlier)), (1, pinned));
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
    (2, 191, "1b4d5fc810d1f12d"),
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
