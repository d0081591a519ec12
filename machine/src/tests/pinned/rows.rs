use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::predecessor::Predecessor;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::{assert_pinned, hex};
use crate::rows::*;
use crate::{Done, MapView};

const ALL: [Kind; 46] = [
    Kind::LogTime,
    Kind::Founded,
    Kind::Descriptor,
    Kind::Registration,
    Kind::Invite,
    Kind::AdmittedWorker,
    Kind::TokenUsed,
    Kind::Succession,
    Kind::EntryVersion,
    Kind::User,
    Kind::KeyOwner,
    Kind::Device,
    Kind::DeviceOf,
    Kind::Session,
    Kind::Epochs,
    Kind::Listed,
    Kind::Certificate,
    Kind::Revocation,
    Kind::CertificateOf,
    Kind::Retired,
    Kind::Grant,
    Kind::CurrentRights,
    Kind::GrantUsage,
    Kind::Deal,
    Kind::Receipt,
    Kind::LiveGrant,
    Kind::GrantOf,
    Kind::GrantCount,
    Kind::Counterparty,
    Kind::RequestUsed,
    Kind::GrantDue,
    Kind::NextDue,
    Kind::DealtTo,
    Kind::DealtCount,
    Kind::NextExpiry,
    Kind::View,
    Kind::ViewNumber,
    Kind::Stream,
    Kind::Notice,
    Kind::MailAt,
    Kind::Mail,
    Kind::Retry,
    Kind::RetryAt,
    Kind::RetriesFrom,
    Kind::Restore,
    Kind::TakenOver,
];

fn user() -> UserName {
    "ada".parse().unwrap()
}

const KEY: PublicKey = PublicKey([0x11; 32]);
const GRANT: GrantId = GrantId([0x22; 32]);
const REQUEST: RequestId = RequestId([0x33; 16]);

fn signed<T>() -> Signed<T> {
    Signed::from_bytes(vec![0xaa, 0xbb])
}

fn line<R: Row>(name: &str, key: &R::Key, row: &R) -> String {
    let key = key_bytes::<R>(key);
    format!("{name} {} {}", hex(&key), hex(&row.encode()))
}

/// A row of each kind. A new kind does not compile until it is added here.
fn sample(kind: Kind) -> String {
    let name = format!("{kind:?}");
    let viewer: UserName = "bob".parse().unwrap();
    let image = ImageId([0x66; 16]);
    match kind {
        Kind::EntryVersion => line(&name, &(), &EntryVersion(6)),
        Kind::Restore => {
            let predecessor = Predecessor {
                cluster: ClusterId([0x44; 32]),
                index: 300,
                state: Hash([0x55; 32]),
                content: Hash([0x66; 32]),
            };
            let (next, hash) = (2, Hash([0x77; 32]));
            let stage = RestoreStage::Pieces { next, hash };
            line(&name, &(), &Restore { predecessor, stage })
        }
        Kind::TakenOver => {
            let reopened = Some(signed());
            line(&name, &GRANT, &TakenOver { reopened })
        }
        Kind::LogTime => line(&name, &(), &LogTime(Millis(1_000))),
        Kind::Founded => {
            let cluster = ClusterId([0x44; 32]);
            line(
                &name,
                &(),
                &Founded {
                    cluster,
                    current: 1,
                },
            )
        }
        Kind::Descriptor => line(&name, &1, &DescriptorRow(descriptor())),
        Kind::Registration => line(&name, &(), &Registration(RegistrationMode::Closed)),
        Kind::Invite => {
            let (name_of_user, not_after) = (Some(user()), Millis(1_000));
            let row = InviteRow {
                name: name_of_user,
                not_after,
            };
            line(&name, &KEY, &row)
        }
        Kind::AdmittedWorker => {
            let row = AdmittedWorker {
                key: KEY,
                removed: true,
            };
            line(&name, &NodeId(4), &row)
        }
        Kind::TokenUsed => line(&name, &KEY, &TokenUsed { node: NodeId(4) }),
        Kind::Succession => {
            let (operator, voters) = (signed(), vec![signed(), signed()]);
            line(&name, &1, &SuccessionRow { operator, voters })
        }
        Kind::Retired => line(&name, &user(), &Retired(Millis(1_000))),
        Kind::User => {
            let (card, registered) = (signed(), Millis(1_000));
            line(&name, &user(), &User { card, registered })
        }
        Kind::KeyOwner => line(&name, &KEY, &KeyOwner(user())),
        Kind::Device => {
            let (user, certificate) = (user(), signed());
            line(&name, &KEY, &Device { user, certificate })
        }
        Kind::DeviceOf => line(&name, &(user(), KEY), &DeviceOf),
        Kind::Session => {
            let session = Session {
                user: user(),
                epoch: 2,
                online: true,
                listed: false,
                endpoint: signed(),
                since: Millis(1_000),
            };
            line(&name, &KEY, &session)
        }
        Kind::Epochs => line(&name, &user(), &Epochs { last: 2 }),
        Kind::Listed => line(&name, &(user(), KEY), &Listed),
        Kind::Certificate => line(&name, &Hash([0x66; 32]), &Certificate(signed())),
        Kind::CertificateOf => line(&name, &(Hash([0x66; 32]), GRANT), &CertificateOf),
        Kind::Revocation => line(&name, &KEY, &Revocation(signed())),
        Kind::Stream => {
            let stream = Stream {
                last: 300,
                notices: 2,
                dropped: 200,
            };
            line(&name, &user(), &stream)
        }
        Kind::Notice => {
            let (at, kind) = (Millis(1_000), NoticeKind::Granted { grant: GRANT });
            line(&name, &(user(), 1), &Notice { at, kind })
        }
        Kind::MailAt => line(&name, &(user(), 1), &MailAt { grant: GRANT }),
        Kind::Mail => {
            let mail = Mail {
                version: 2,
                at: Millis(1_000),
                sequence: 300,
            };
            line(&name, &(user(), GRANT), &mail)
        }
        Kind::Retry => {
            let content = Hash([0x55; 32]);
            let done = Done::Registered { created: true };
            line(&name, &(KEY, REQUEST), &Retry { content, done })
        }
        Kind::RetryAt => line(&name, &(Millis(1_000), KEY, REQUEST), &RetryAt),
        Kind::RetriesFrom => line(&name, &(), &RetriesFrom(Millis(1_000))),
        Kind::Grant => {
            let party = |name, byte| Party {
                name,
                key: PublicKey([byte; 32]),
            };
            let grant = Grant {
                owner: party(user(), 0x77),
                viewer: party(viewer, 0x88),
                image,
                created: Millis(1_000),
                request: signed(),
                manifest: signed(),
            };
            line(&name, &GRANT, &grant)
        }
        Kind::CurrentRights => line(&name, &GRANT, &CurrentRights(signed())),
        Kind::GrantUsage => {
            let usage = GrantUsage {
                used: 1,
                acknowledged: 2,
                deal: 3,
                dealt_to: 4,
            };
            line(&name, &GRANT, &usage)
        }
        Kind::Deal => line(&name, &(GRANT, 1), &DealRow(signed())),
        Kind::Receipt => line(&name, &GRANT, &ReceiptRow(signed())),
        Kind::LiveGrant => line(&name, &(user(), viewer, image), &LiveGrant(GRANT)),
        Kind::GrantOf => line(&name, &(user(), GRANT), &GrantOf),
        Kind::GrantCount => line(&name, &user(), &GrantCount(5)),
        Kind::Counterparty => line(&name, &(user(), viewer), &Counterparty),
        Kind::RequestUsed => line(&name, &Hash([0x55; 32]), &RequestUsed(GRANT)),
        Kind::GrantDue => line(&name, &(Millis(1_000), GRANT), &GrantDue::Ended((2, 1))),
        Kind::NextDue => line(&name, &(), &NextDue(Millis(1_000))),
        Kind::DealtTo => line(&name, &(4, Millis(1_000), GRANT), &DealtTo),
        Kind::DealtCount => line(&name, &4, &DealtCount(300)),
        Kind::NextExpiry => line(&name, &(), &NextExpiry(Millis(1_000))),
        Kind::View => {
            let view = ViewRow {
                number: 1,
                left: 2,
                request: signed(),
                certificate: Hash([0x99; 32]),
                at: Millis(1_000),
                index: 300,
                deal: 1,
            };
            line(&name, &(GRANT, REQUEST), &view)
        }
        Kind::ViewNumber => line(&name, &(GRANT, 1), &ViewNumber(REQUEST)),
    }
}

fn descriptor() -> Descriptor {
    let node = NodeIdentity {
        id: NodeId(1),
        key: KEY,
        sealing: SealingPublic([0xcc; 32]),
    };
    let operator = PublicKey([0xee; 32]);
    Descriptor::genesis(
        vec![node],
        operator,
        RegistrationMode::Invite,
        Hash([0xdd; 32]),
    )
}

#[test]
fn rows_of_every_kind_have_pinned_bytes() {
    let lines: Vec<_> = ALL.into_iter().map(sample).collect();
    assert_pinned(&lines, include_str!("rows.txt"));
}

#[test]
fn notices_of_every_kind_have_pinned_bytes() {
    let kinds = [
        NoticeKind::Granted { grant: GRANT },
        NoticeKind::Received { grant: GRANT },
        NoticeKind::Viewed {
            grant: GRANT,
            number: 3,
        },
        NoticeKind::Acknowledged { ack: signed() },
        NoticeKind::Dealt {
            grant: GRANT,
            number: 300,
        },
    ];
    let encoded = kinds.map(|kind| {
        hex(&Notice {
            at: Millis::EPOCH,
            kind,
        }
        .encode())
    });
    let grant = hex(&GRANT.0);
    let expected = ["00", "01", "02", "04"].map(|number| format!("0300{number}{grant}"));
    assert_eq!(encoded[0], expected[0]);
    assert_eq!(encoded[1], expected[1]);
    assert_eq!(encoded[2], format!("{}03", expected[2]));
    assert_eq!(encoded[3], "03000302aabb");
    assert_eq!(encoded[4], format!("{}ac02", expected[3]));
}

#[test]
fn a_written_row_is_read_back() {
    let key = (user(), GRANT);
    let mail = Mail {
        version: 2,
        at: Millis(1_000),
        sequence: 300,
    };
    let mut state = MapView::default();
    state.0.insert(key_bytes::<Mail>(&key), mail.encode());
    assert_eq!(get::<Mail>(&state, &key), Some(mail.clone()));
    assert_eq!(scan::<Mail>(&state, &user(), None, 9), [(key, mail)]);

    // So is the key of a kind that has one row.
    let mut state = MapView::default();
    let time = LogTime(Millis(1_000));
    state.0.insert(key_bytes::<LogTime>(&()), time.encode());
    assert_eq!(scan::<LogTime>(&state, &(), None, 9), [((), time)]);
}

#[test]
fn a_scan_by_name_does_not_find_longer_names() {
    let mut state = MapView::default();
    for name in ["ada", "ada-two", "ad"] {
        let key = (name.parse::<UserName>().unwrap(), KEY);
        state
            .0
            .insert(key_bytes::<DeviceOf>(&key), DeviceOf.encode());
    }
    assert_eq!(scan::<DeviceOf>(&state, &user(), None, 9).len(), 1);
}

#[test]
fn keys_sort_as_their_numbers() {
    let numbers = [0u64, 1, 255, 256, 65_536, u64::MAX];
    let keys = numbers.map(|number| key_bytes::<MailAt>(&(user(), number)));
    assert!(keys.is_sorted());
}

fn read_epochs(value: &[u8]) {
    let mut state = MapView::default();
    let key = key_bytes::<Epochs>(&user());
    state.0.insert(key, value.to_vec());
    get::<Epochs>(&state, &user());
}

#[test]
#[should_panic(expected = "the state is damaged: Epochs row 1561646100: unknown layout 2")]
fn a_row_of_an_unknown_layout_panics() {
    read_epochs(&[2, 0]);
}

#[test]
#[should_panic(expected = "the bytes are not in canonical form")]
fn a_row_with_trailing_bytes_panics() {
    read_epochs(&[1, 0, 0]);
}

#[test]
#[should_panic(expected = "it is empty")]
fn an_empty_row_panics() {
    read_epochs(&[]);
}

#[test]
#[should_panic(expected = "its key has another shape")]
fn a_key_of_the_wrong_shape_panics() {
    let mut state = MapView::default();
    let mut key = key_bytes::<MailAt>(&(user(), 1u64));
    key.push(0);
    state.0.insert(key, MailAt { grant: GRANT }.encode());
    scan::<MailAt>(&state, &user(), None, 9);
}
