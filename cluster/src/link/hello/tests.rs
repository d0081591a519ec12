#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use super::*;
use crate::link::{ClusterSecret, KnownMembers, NodeKeys};

struct FixedMembers(Option<ClusterId>, KnownKey);
impl KnownMembers for FixedMembers {
    fn cluster(&self) -> Option<ClusterId> {
        self.0
    }
    fn key_of(&self, _node: NodeId) -> KnownKey {
        self.1
    }
}

fn identity(node: u8, cluster: Option<ClusterId>, known: KnownKey, secret: u8) -> Identity {
    Identity {
        node: NodeId(u64::from(node)),
        keys: Arc::new(NodeKeys::from_seeds(&[node; 64])),
        secret: Some(Arc::new(
            ClusterSecret::from_bytes(vec![secret; 32]).unwrap(),
        )),
        members: Arc::new(FixedMembers(cluster, known)),
    }
}

fn session_seen_with(peer: &Identity) -> Session {
    Session {
        peer_key: peer.keys.public(),
        exporter: [3; 32],
    }
}

fn dialed(node: u64, key: Option<[u8; 32]>) -> Option<Dialed> {
    let node = NodeId(node);
    Some(Dialed { node, key })
}

const HOME: Option<ClusterId> = Some(ClusterId([5; 32]));

#[test]
fn the_bytes_of_hello_and_welcome_are_pinned() {
    let hello = Hello {
        purpose: Purpose::Bootstrap,
        node: NodeId(300),
        cluster: Some(ClusterId([5; 32])),
        proof: Some([9; 32]),
    };
    let mut bytes = vec![2, 1, 0xac, 0x02, 1];
    bytes.extend([5; 32]);
    bytes.push(1);
    bytes.extend([9; 32]);
    assert_eq!(encode(&hello), bytes);
    assert_eq!(decode::<Hello>(&bytes), Ok(hello));
    let joins = Hello {
        purpose: Purpose::Join,
        node: NodeId(4),
        cluster: None,
        proof: None,
    };
    assert_eq!(encode(&joins), [2, 2, 4, 0, 0]);
    assert_eq!(encode(&Welcome::Refused(Refusal::Secret)), [2, 1, 1]);
    assert_eq!(encode(&Welcome::Refused(Refusal::NotMember)), [2, 1, 10]);
}

#[test]
fn the_proof_is_pinned() {
    let me = identity(1, HOME, KnownKey::Unknown, 7);
    let session = session_seen_with(&me);
    let hello = Hello::new(&me, Purpose::Bootstrap, &session, Role::Client);
    assert_eq!(
        data_hex(&hello.proof.unwrap()),
        PINNED_PROOF,
        "the proof of a hello changed: nodes of different versions cannot connect"
    );
}

const PINNED_PROOF: &str = "96daf4d05ad4708e0d6e6e8b714a6665f24220536fef32c024822e89bb0dcef3";

fn data_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn other_versions_and_non_canonical_encodings_are_refused() {
    let hello = Hello {
        purpose: Purpose::Member,
        node: NodeId(1),
        cluster: None,
        proof: None,
    };
    let good = encode(&hello);
    let mut newer = good.clone();
    newer[0] = 3;
    assert_eq!(decode::<Hello>(&newer), Err(Refusal::Version(3)));
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(decode::<Hello>(&trailing), Err(Refusal::Malformed));
    let mut overlong = good;
    overlong.splice(2..3, [0x81, 0x00]);
    assert_eq!(decode::<Hello>(&overlong), Err(Refusal::Malformed));
    assert_eq!(decode::<Hello>(&[]), Err(Refusal::Malformed));
}

#[test]
fn a_member_is_accepted_and_each_refusal_has_its_reason() {
    let server = |cluster, known| identity(2, cluster, known, 7);
    let check = |server: &Identity, client: &Identity, purpose| {
        let session = session_seen_with(client);
        Hello::new(client, purpose, &session, Role::Client).check(
            server,
            &session,
            Role::Client,
            None,
        )
    };
    let member = identity(1, HOME, KnownKey::Unknown, 7);
    let right = KnownKey::Is(member.keys.public());
    assert_eq!(
        check(&server(HOME, right), &member, Purpose::Member),
        Ok(())
    );

    let wrong_secret = identity(1, HOME, KnownKey::Unknown, 8);
    let elsewhere = identity(1, Some(ClusterId([6; 32])), KnownKey::Unknown, 7);
    let empty = identity(1, None, KnownKey::Unknown, 7);
    let same_id = identity(2, HOME, KnownKey::Unknown, 7);
    let other_key = KnownKey::Is([1; 32]);
    for (server, client, purpose, reason) in [
        (
            server(HOME, right),
            &wrong_secret,
            Purpose::Bootstrap,
            Refusal::Secret,
        ),
        (
            server(HOME, right),
            &elsewhere,
            Purpose::Member,
            Refusal::Cluster,
        ),
        (
            server(HOME, right),
            &elsewhere,
            Purpose::Bootstrap,
            Refusal::Cluster,
        ),
        (
            server(HOME, other_key),
            &member,
            Purpose::Member,
            Refusal::Key,
        ),
        (
            server(HOME, other_key),
            &member,
            Purpose::Join,
            Refusal::Key,
        ),
        (
            server(HOME, KnownKey::Unknown),
            &member,
            Purpose::Member,
            Refusal::NotMember,
        ),
        (
            server(HOME, right),
            &empty,
            Purpose::Member,
            Refusal::CallerHasNoCluster,
        ),
        (
            server(None, right),
            &member,
            Purpose::Member,
            Refusal::NoCluster,
        ),
        (
            server(HOME, right),
            &same_id,
            Purpose::Member,
            Refusal::SameId,
        ),
    ] {
        assert_eq!(check(&server, client, purpose), Err(reason));
    }
    // Nobody needs the secret but at bootstrap.
    assert_eq!(
        check(&server(HOME, right), &wrong_secret, Purpose::Member),
        Ok(())
    );
    let stranger = server(HOME, KnownKey::Unknown);
    assert_eq!(check(&stranger, &empty, Purpose::Join), Ok(()));
    assert_eq!(
        check(&server(None, right), &member, Purpose::Bootstrap),
        Ok(())
    );
    assert_eq!(
        check(&server(HOME, right), &empty, Purpose::Bootstrap),
        Ok(())
    );
}

#[test]
fn attack_a_proof_of_the_secret_is_valid_for_one_session_one_role_and_one_claim() {
    let client = identity(1, HOME, KnownKey::Unknown, 7);
    let server = identity(2, HOME, KnownKey::Unknown, 7);
    let session = session_seen_with(&client);
    let hello = Hello::new(&client, Purpose::Bootstrap, &session, Role::Client);
    assert_eq!(
        hello.check(&server, &session, Role::Client, dialed(1, None)),
        Ok(())
    );

    let replayed = Session {
        exporter: [4; 32],
        ..session_seen_with(&client)
    };
    assert_eq!(
        hello.check(&server, &replayed, Role::Client, None),
        Err(Refusal::Secret)
    );
    assert_eq!(
        hello.check(&server, &session, Role::Server, None),
        Err(Refusal::Secret)
    );
    let relayed_under_another_key = session_seen_with(&server);
    assert_eq!(
        hello.check(&server, &relayed_under_another_key, Role::Client, None),
        Err(Refusal::Secret)
    );
    let mut other_claim = hello.clone();
    other_claim.node = NodeId(3);
    assert_eq!(
        other_claim.check(&server, &session, Role::Client, None),
        Err(Refusal::Secret)
    );
    assert_eq!(
        hello.check(&server, &session, Role::Client, dialed(3, None)),
        Err(Refusal::Node {
            dialed: NodeId(3),
            answered: NodeId(1)
        })
    );
}

#[test]
fn attack_a_server_of_unknown_key_serves_no_member_and_no_dial_that_names_another() {
    // given a caller that does not know the node that it dials
    let caller = identity(1, HOME, KnownKey::Unknown, 7);
    let server = identity(2, HOME, KnownKey::Unknown, 7);
    let session = session_seen_with(&server);
    let check = |purpose, key| {
        let hello = Hello::new(&server, purpose, &session, Role::Server);
        hello.check(&caller, &session, Role::Server, dialed(2, key))
    };
    // then it is no member to it, and to a dial that names a key it has that key
    let (right, other) = (server.keys.public(), caller.keys.public());
    assert_eq!(check(Purpose::Member, None), Err(Refusal::UnknownMember));
    assert_eq!(check(Purpose::Join, Some(other)), Err(Refusal::Key));
    assert_eq!(check(Purpose::Join, Some(right)), Ok(()));
    // and a node that joins knows no key yet
    assert_eq!(check(Purpose::Join, None), Ok(()));
}

#[test]
fn attack_bootstrap_without_a_proof_and_a_proof_elsewhere_are_refused() {
    let client = identity(1, HOME, KnownKey::Unknown, 7);
    let server = identity(2, HOME, KnownKey::Is(client.keys.public()), 7);
    let worker = Identity {
        secret: None,
        ..client.clone()
    };
    let session = session_seen_with(&client);
    let check = |hello: &Hello| hello.check(&server, &session, Role::Client, None);
    let bare = Hello::new(&worker, Purpose::Bootstrap, &session, Role::Client);
    assert_eq!(check(&bare), Err(Refusal::Secret));
    let proven = Hello::new(&client, Purpose::Bootstrap, &session, Role::Client);
    for purpose in [Purpose::Member, Purpose::Join] {
        let other = Hello {
            purpose,
            ..proven.clone()
        };
        assert_eq!(check(&other), Err(Refusal::Malformed));
    }
    // nor does a node without the secret take part in a bootstrap
    let at_worker = proven.check(&worker, &session, Role::Client, None);
    assert_eq!(at_worker, Err(Refusal::Secret));
}
