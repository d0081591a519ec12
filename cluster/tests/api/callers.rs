//! Authentication of callers: wrong calls, signatures and devices are refused with a reason.

use std::time::Duration;

use cameo_common::api::{CALL_HEADER, EndSession, KeepAlive, MAX_CALL_LIFETIME, paths};
use cameo_common::ids::ClusterId;
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use cameo_common::statements::Call;
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, announce, send};
use crate::person::{Person, now};
use crate::world::World;

async fn keep_alive(world: &World, header: (&str, String), body: &[u8]) -> Answer {
    send(world.url(1), "POST", paths::KEEP_ALIVE, &[header], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_call_that_does_not_match_its_request_is_refused() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let body = serde_json::to_vec(&KeepAlive { epoch }).unwrap();
    let right = || ada.call(&world, "POST", paths::KEEP_ALIVE, &body);
    // The correct call is accepted; each case below differs from it in one field.
    let good = keep_alive(&world, ada.header(right()), &body).await;
    assert_eq!(good.status, 200, "{}", good.json());

    let cluster = ClusterId([9; 32]);
    let cases: Vec<(&str, Call, u16, &str)> = vec![
        (
            "path",
            Call {
                path: paths::END_SESSION.into(),
                ..right()
            },
            401,
            "not_authenticated",
        ),
        (
            "query",
            Call {
                path: format!("{}?a=b", paths::KEEP_ALIVE),
                ..right()
            },
            401,
            "not_authenticated",
        ),
        (
            "method",
            Call {
                method: "GET".into(),
                ..right()
            },
            401,
            "not_authenticated",
        ),
        (
            "body",
            Call {
                body: cameo_common::ids::Hash::of(b"other"),
                ..right()
            },
            401,
            "not_authenticated",
        ),
        (
            "passed",
            Call {
                not_after: now().minus(Duration::from_millis(1)),
                ..right()
            },
            401,
            "call_expired",
        ),
        (
            "too far",
            Call {
                not_after: now().plus(2 * MAX_CALL_LIFETIME),
                ..right()
            },
            401,
            "call_expired",
        ),
        ("cluster", Call { cluster, ..right() }, 403, "wrong_cluster"),
    ];
    for (case, call, status, code) in cases {
        let answer = keep_alive(&world, ada.header(call), &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{case}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signatures_and_devices_are_checked() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let body = serde_json::to_vec(&KeepAlive { epoch: 1 }).unwrap();
    let call = ada.call(&world, "POST", paths::KEEP_ALIVE, &body);

    let mut bytes = Signed::new(&ada.device, call.clone()).as_bytes().to_vec();
    bytes[10] ^= 1;
    let forged = (CALL_HEADER, BASE64URL_NOPAD.encode(&bytes));
    assert_eq!(
        keep_alive(&world, forged, &body).await.code(),
        "not_authenticated"
    );

    let unregistered = Person::new("nobody");
    let unknown = unregistered.header(Call {
        device: unregistered.device.public(),
        ..call
    });
    let answer = keep_alive(&world, unknown, &body).await;
    assert_eq!(answer.code(), "not_authenticated");
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("cameo init")
    );

    for junk in ["", "%%%", "AAAA"] {
        let header = (CALL_HEADER, junk.to_owned());
        assert_eq!(
            keep_alive(&world, header, &body).await.code(),
            "not_authenticated"
        );
    }
    let long = (CALL_HEADER, "A".repeat(30_000));
    assert_eq!(keep_alive(&world, long, &body).await.code(), "too_large");
    let none = send(world.url(1), "POST", paths::KEEP_ALIVE, &[], &body).await;
    assert_eq!(none.code(), "not_authenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_body_is_read_for_a_device_that_is_not_registered() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let body = serde_json::to_vec(&KeepAlive { epoch: 1 }).unwrap();
    let ask = async |person: &Person| {
        let header = person.header(person.call(&world, "POST", paths::KEEP_ALIVE, &body));
        let (url, path) = (world.url(1), paths::KEEP_ALIVE);
        announce(url, "POST", path, &[header], body.len()).await
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
    // A call's signature is no authorization.
    let call = ada.call(&world, "POST", paths::END_SESSION, &json);
    assert_eq!(end(ada.header(call)).await.code(), "not_authenticated");
    assert_eq!(end(ada.authorize(right())).await.status, 200);
}
