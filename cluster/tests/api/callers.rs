//! Authentication of callers: wrong keys, signatures and devices are refused with a reason.

use std::time::Duration;

use cameo_common::api::{AUTHORIZATION_HEADER, EndSession, KeepAlive, MAX_CALL_LIFETIME, paths};
use cameo_common::ids::ClusterId;
use cameo_common::keys::SigningKey;
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{Answer, DEADLINE, announce, send, send_as};
use crate::person::{Person, now};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn attack_only_a_registered_device_by_its_own_key_is_answered() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let body = KeepAlive { epoch };
    // given the device that has the session
    let good = ada.post(&world, 1, paths::KEEP_ALIVE, &body).await;
    assert_eq!(good.status, 200, "{}", good.json());
    // then a device of the same user that is not registered, and a stranger's, are refused
    for device in [ada.second_device(), Person::new("nobody")] {
        let answer = device.post(&world, 1, paths::KEEP_ALIVE, &body).await;
        assert_eq!(answer.code(), "not_authenticated");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("cameo init"), "{message}");
    }
    // and another user's device does nothing to the session
    let eve = Person::registered(&world, "eve").await;
    let answer = eve.post(&world, 1, paths::KEEP_ALIVE, &body).await;
    assert_eq!(answer.code(), "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_client_without_tls_or_without_a_key_is_not_served() {
    let world = World::new(1).await;
    let address = world.url(1).strip_prefix("https://").unwrap();
    // given a client that speaks HTTP in the clear
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /v1/status HTTP/1.1\r\nhost: node\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _end = timeout(DEADLINE, plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_body_is_read_for_a_device_that_is_not_registered() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let body = serde_json::to_vec(&KeepAlive { epoch: 1 }).unwrap();
    let ask = async |person: &Person| {
        let (url, path) = (world.url(1), paths::KEEP_ALIVE);
        announce(&person.device, url, "POST", path, &[], body.len()).await
    };
    let unregistered = ask(&Person::new("nobody")).await;
    assert_eq!(
        (unregistered.status, unregistered.code().as_str()),
        (401, "not_authenticated")
    );
    // The node waits for the body of a registered device until the deadline.
    let registered = ask(&ada).await;
    assert_eq!(
        (registered.status, registered.code().as_str()),
        (400, "bad_request")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_device_registers_nobody_else_over_http() {
    let world = World::new(1).await;
    let ada = Person::new("ada");
    let eve = Person {
        device: Person::new("eve").device,
        ..Person::new("ada")
    };
    // Ada's statements in a call of another device.
    let card = cameo_common::identity::UserCard {
        name: ada.name.clone(),
        key: ada.identity.public(),
        sealing: ada.sealing.public(),
        sequence: 1,
    };
    let certificate = cameo_common::identity::DeviceCertificate {
        user: ada.identity.public(),
        device: ada.device.public(),
        sequence: 1,
        not_after: now().plus_millis(1_000_000),
    };
    let body = cameo_common::api::Register {
        card: Signed::new(&ada.identity, card),
        certificate: Signed::new(&ada.identity, certificate),
        invite: None,
    };
    let answer = eve.command(&world, 1, paths::USERS, &body).await;
    assert_eq!(answer.code(), "not_authenticated");
    assert_eq!(ada.register(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_authorization_serves_no_other_operation_cluster_or_time() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let body = EndSession { epoch };
    let right = || ada.authorization(&world, &Op::from(&body));
    let other = Op::EndSession { epoch: epoch + 1 }.hash();
    let cases = [
        (
            Authorization {
                op: other,
                ..right()
            },
            "not_authenticated",
        ),
        (
            Authorization {
                cluster: ClusterId([9; 32]),
                ..right()
            },
            "wrong_cluster",
        ),
        (
            Authorization {
                not_after: now().minus(Duration::from_millis(1)),
                ..right()
            },
            "call_expired",
        ),
        (
            Authorization {
                not_after: now().plus(2 * MAX_CALL_LIFETIME),
                ..right()
            },
            "call_expired",
        ),
    ];
    let json = serde_json::to_vec(&body).unwrap();
    let end = async |header| send(world.url(1), "POST", paths::END_SESSION, &[header], &json).await;
    for (authorization, code) in cases {
        let answer = end(ada.authorize(authorization)).await;
        assert_eq!(answer.code(), code);
    }
    // The device's key on the connection is no authorization.
    let (device, url) = (&ada.device, world.url(1));
    let silent = send_as(device, url, "POST", paths::END_SESSION, &[], &json).await;
    assert_eq!(silent.code(), "not_authenticated");
    assert_eq!(end(ada.authorize(right())).await.status, 200);
}

/// An authorization of this body's operation with one byte of its signature altered.
fn forged(ada: &Person, world: &World, body: &EndSession) -> (&'static str, String) {
    let signed = Signed::new(&ada.device, ada.authorization(world, &Op::from(body)));
    let mut bytes = signed.as_bytes().to_vec();
    bytes[40] ^= 1;
    (AUTHORIZATION_HEADER, BASE64URL_NOPAD.encode(&bytes))
}

async fn ends(
    world: &World,
    node: u64,
    peer: &SigningKey,
    header: (&'static str, String),
    body: &EndSession,
) -> Answer {
    let json = serde_json::to_vec(body).unwrap();
    let (url, path) = (world.url(node), paths::END_SESSION);
    send_as(peer, url, "POST", path, &[header], &json).await
}

fn assert_wrongly_signed(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (401, "not_authenticated")
    );
    assert_eq!(
        answer.json()["message"],
        "the signature of the authorization statement is wrong"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_wrongly_signed_commands_of_a_registered_device_change_nothing_at_any_node() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let eve = Person::registered(&world, "eve").await;
    let epoch = ada.come_online(&world).await;
    let body = EndSession { epoch };
    for node in [1, 2, 3] {
        // over the device's own connection twice, and over that of others
        for peer in [&ada.device, &ada.device, &eve.device] {
            let answer = ends(&world, node, peer, forged(&ada, &world, &body), &body).await;
            assert_wrongly_signed(&answer);
        }
    }
    let alive = KeepAlive { epoch };
    let answer = ada.post(&world, 1, paths::KEEP_ALIVE, &alive).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    // then what the device has signed is carried out all the same
    let right = ada.authorize(ada.authorization(&world, &Op::from(&body)));
    let answer = ends(&world, 1, &ada.device, right, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_wrongly_signed_commands_do_not_fill_the_log() {
    // given a node that nothing else happens at
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let body = EndSession { epoch: 1 };
    let attempt = async |peer: &SigningKey| {
        let header = forged(&ada, &world, &body);
        assert_wrongly_signed(&ends(&world, 1, peer, header, &body).await);
        world.status(1).await.applied
    };
    let before = world.status(1).await.applied;
    // when a command comes over another connection than its device's
    let eve = Person::new("eve");
    assert_eq!(attempt(&eve.device).await, before);
    // then the replicas need not refuse it; over its own they do, once
    let refused = attempt(&ada.device).await;
    assert_eq!(refused - before, 1);
    for _ in 0..3 {
        assert_eq!(attempt(&ada.device).await, refused);
    }
}
