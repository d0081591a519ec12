//! Error replies: `ApiError` bodies with their codes and statuses.

use cameo_common::api::{EndSession, MAX_BODY, PutRights, ReportOffline, paths};
use cameo_common::ids::{GrantId, RequestId, UserName};
use cameo_common::op::Op;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use serde_json::json;

use crate::http::send;
use crate::person::Person;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn invalid_bodies_paths_and_methods_are_refused() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;

    let unknown_field = json!({"epoch": 1, "extra": true});
    let answer = ada.post(&world, 1, paths::KEEP_ALIVE, &unknown_field).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
    assert!(answer.json()["message"].as_str().unwrap().contains("extra"));
    let answer = ada.get(&world, 1, "/v1/users?surprise=1").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );

    let huge = json!({"epoch": 1, "pad": "x".repeat(MAX_BODY)});
    let answer = ada.post(&world, 1, paths::KEEP_ALIVE, &huge).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));

    let answer = ada.get(&world, 1, "/v1/nothing").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "no_such_path")
    );
    let answer = send(world.url(1), "DELETE", paths::USERS, &[], b"").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (405, "no_such_path")
    );

    let answer = ada.get(&world, 1, "/v1/users/Not-A-Name").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
    let answer = ada.get(&world, 1, "/v1/grants/123").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
    let answer = ada.get(&world, 1, "/v1/events?after=999").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_refusals_have_their_codes() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;

    let second = Person::new("ada");
    let answer = second.register(&world).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "name_taken"));

    let answer = ada.get(&world, 1, "/v1/users/carol").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "not_registered")
    );

    let nothing = GrantId([5; 32]);
    let path = paths::fill(paths::GRANT, &nothing);
    assert_eq!(ada.get(&world, 1, &path).await.code(), "not_found");

    let rights = Signed::new(&ada.identity, ada.rights(nothing, 1, 3));
    let path = paths::fill(paths::RIGHTS, &nothing);
    let answer = ada
        .command(
            &world,
            1,
            &path,
            &PutRights {
                rights: rights.clone(),
            },
        )
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let elsewhere = paths::fill(paths::RIGHTS, &GrantId([6; 32]));
    let answer = ada
        .command(&world, 1, &elsewhere, &PutRights { rights })
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "mismatch"));

    let mut bytes = Signed::new(&ada.identity, ada.rights(nothing, 1, 3))
        .as_bytes()
        .to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = PutRights {
        rights: Signed::<Rights>::from_bytes(bytes),
    };
    assert_eq!(
        ada.command(&world, 1, &path, &forged).await.code(),
        "bad_request"
    );

    // Ada and Bob have no grant.
    let bobs_name: UserName = bob.name.clone();
    let path = paths::fill(paths::USER_OFFLINE, &bobs_name);
    let body = ReportOffline { epoch: 1 };
    let op = body.op(bobs_name);
    let answer = ada.command_of(&world, 1, &path, &body, &op).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));

    // A stream needs a session.
    let answer = ada.get(&world, 1, "/v1/events?after=0").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (410, "session_ended")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_identifies_one_command() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let send_with = async |body: EndSession| {
        let mut authorization = ada.authorization(&world, &Op::from(&body));
        authorization.request = RequestId([7; 16]);
        let header = ada.authorize(authorization);
        let body = serde_json::to_vec(&body).unwrap();
        send(world.url(1), "POST", paths::END_SESSION, &[header], &body).await
    };
    assert_eq!(send_with(EndSession { epoch }).await.status, 200);
    // A repeat gets the same reply.
    assert_eq!(send_with(EndSession { epoch }).await.status, 200);
    let answer = send_with(EndSession { epoch: epoch + 1 }).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "request_reused")
    );
}
