//! Pinned bytes of every kind of statement, without the signature. A difference is a change of
//! layout, and needs the statement's next version.
#![allow(clippy::unwrap_used)]

use cameo_common::descriptor_chain::Succession;
use cameo_common::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, UserCard};
use cameo_common::ids::{
    ClusterId, GrantId, Hash, ImageId, JobId, Millis, NodeId, RequestId, UserName,
};
use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH, SealingPublic, SigningKey};
use cameo_common::op::{Authorization, Op};
use cameo_common::rights::Rights;
use cameo_common::signed::{Signed, Statement};
use cameo_common::statements::{
    Checkpoint, Confirmation, Deal, DealtPart, FirstFloor, Manifest, Marks, NodeAddress,
    NodeKeysStatement, NodeProgress, PhotoRequest, Receipt, Reopening, RightsAck, Ticket,
    ViewRequest, grant_id,
};

const PINNED: &str = include_str!("pinned.txt");

const CLUSTER: ClusterId = ClusterId([2; 32]);
const GRANT: GrantId = GrantId([3; 32]);
const IMAGE: ImageId = ImageId([4; 16]);
const REQUEST: RequestId = RequestId([5; 16]);
const OTHER: PublicKey = PublicKey([6; 32]);
const SEALING: SealingPublic = SealingPublic([7; 32]);
const HASH: Hash = Hash([8; 32]);
const TIME: Millis = Millis(300);

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn name() -> UserName {
    "ada".parse().unwrap()
}

fn line<T: Statement>(body: T) -> String {
    let signed = Signed::new(&key(), body);
    let bytes = &signed.as_bytes()[SIGNATURE_LENGTH..];
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {} {hex}", T::LABEL, T::VERSION)
}

fn identity() -> Vec<String> {
    let me = key().public();
    vec![
        line(UserCard {
            name: name(),
            key: me,
            sealing: SEALING,
            sequence: 300,
        }),
        line(DeviceCertificate {
            user: me,
            device: OTHER,
            sequence: 300,
            not_after: TIME,
        }),
        line(EndpointRecord {
            device: me,
            sequence: 300,
            addresses: vec!["10.0.0.1:7".to_owned()],
            relay: None,
        }),
        line(DeviceRevocation {
            user: me,
            cluster: CLUSTER,
            device: OTHER,
            sequence: 300,
        }),
    ]
}

fn by_owner() -> Vec<String> {
    let me = key().public();
    let part = DealtPart {
        node: NodeId(1),
        key: SEALING,
        x: 1,
        sealed: vec![9, 9],
        commitment: HASH,
    };
    vec![
        line(Manifest {
            owner: me,
            owner_name: name(),
            viewer: OTHER,
            viewer_name: "bob".parse().unwrap(),
            viewer_sealing: SEALING,
            cluster: CLUSTER,
            image: IMAGE,
            nonce: HASH,
            request: HASH,
            payload: HASH,
            payload_length: 300,
            key_commitment: HASH,
        }),
        line(Deal {
            owner: me,
            viewer: OTHER,
            cluster: CLUSTER,
            grant: GRANT,
            number: 1,
            descriptor: HASH,
            threshold: 1,
            first_floor: FirstFloor {
                rights_version: 300,
                used: 2,
            },
            parts: vec![part],
        }),
        line(Rights {
            owner: me,
            grant: GRANT,
            version: 300,
            permitted: 3,
            expires: Some(TIME),
            revoked: false,
            may_save: true,
            offline: 0,
        }),
        line(Reopening {
            owner: me,
            cluster: CLUSTER,
            grant: GRANT,
            rights_version: 300,
            used: 2,
        }),
    ]
}

fn by_viewer() -> Vec<String> {
    let me = key().public();
    vec![
        line(PhotoRequest {
            viewer: me,
            owner: OTHER,
            image: IMAGE,
            request: REQUEST,
            asked_at: TIME,
        }),
        line(Receipt {
            viewer: me,
            grant: GRANT,
            carrier: HASH,
            received_at: TIME,
        }),
        line(RightsAck {
            viewer: me,
            grant: GRANT,
            version: 300,
        }),
        line(ViewRequest {
            device: me,
            cluster: CLUSTER,
            grant: GRANT,
            request: REQUEST,
            one_time: SEALING,
            not_after: TIME,
        }),
    ]
}

fn of_calls_and_nodes() -> Vec<String> {
    let me = key().public();
    vec![
        line(Authorization {
            device: me,
            cluster: CLUSTER,
            request: REQUEST,
            not_after: TIME,
            op: Op::EndSession { epoch: 5 }.hash(),
        }),
        line(Ticket {
            leader: me,
            cluster: CLUSTER,
            job: JobId([9; 16]),
            client: OTHER,
            input: HASH,
            size: 300,
            worker: NodeId(2),
            worker_key: OTHER,
            url: "https://10.0.0.2:7".to_owned(),
            incarnation: 3,
            term: 4,
            not_after: TIME,
        }),
        line(Confirmation {
            node: me,
            cluster: CLUSTER,
            grant: GRANT,
            version: 300,
            rights: HASH,
        }),
        line(NodeAddress {
            key: me,
            cluster: CLUSTER,
            url: "http://10.0.0.1:7".to_owned(),
            stated: TIME,
        }),
        line(Checkpoint {
            node: me,
            cluster: CLUSTER,
            term: 4,
            index: 300,
            state: HASH,
        }),
        line(NodeProgress {
            node: me,
            cluster: CLUSTER,
            incarnation: 7,
            found: Marks {
                floor: 299,
                term: 3,
                log: 300,
            },
            reached: Marks {
                floor: 300,
                term: 4,
                log: 301,
            },
        }),
        line(Succession {
            cluster: CLUSTER,
            previous: HASH,
            next: Hash([9; 32]),
            signer: me,
        }),
        line(NodeKeysStatement {
            key: me,
            cluster: CLUSTER,
            id: NodeId(300),
            sealing: SEALING,
        }),
    ]
}

#[test]
fn every_statement_has_pinned_bytes() {
    let lines = [identity(), by_owner(), by_viewer(), of_calls_and_nodes()].concat();
    let mut pinned = PINNED.lines();
    for line in &lines {
        assert_eq!(Some(line.as_str()), pinned.next());
    }
    assert_eq!(pinned.next(), None, "a pinned line without a statement");
}

#[test]
fn the_id_of_a_grant_is_pinned() {
    let id = grant_id(&key().public(), &OTHER, &IMAGE, &HASH, &Hash([9; 32]));
    assert_eq!(
        id.to_string(),
        "c2fff00345de6139b43cd0dc9898bcdad660f187a60074f39a05fb3026e2c84e"
    );
}
