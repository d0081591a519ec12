//! Bytes of the first versions of records and of the states of requests, and what they become.

use super::*;

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

fn grant_held_v1() -> GrantHeldV1 {
    GrantHeldV1 {
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
fn the_first_version_of_a_held_grant_still_opens() {
    assert_eq!(
        pin(&grant_held_v1()),
        (1, 179, "67cbda43d5fe0e84".to_owned())
    );
    let expected = GrantHeld {
        media_type: None,
        ..self::grant_held()
    };
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("correct horse")).unwrap();
    vault.put("01", &grant_held_v1()).unwrap();
    assert_eq!(vault.get("01").unwrap(), Some(expected));
}
