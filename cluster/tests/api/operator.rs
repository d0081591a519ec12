//! The operator's orders over HTTP, registration by invite, and retirement.

use cameo_cluster::operator::{self, InviteOrder, Operation, Order, OrderError, VerbError};
use cameo_common::api::{self, OPERATOR_HEADER, OperatorCommand, paths};
use cameo_common::ids::RequestId;
use cameo_common::keys::SigningKey;
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::registration::{Invite, InviteUse, RegistrationMode};
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;

use crate::http::{Answer, DEADLINE, send};
use crate::person::{Person, now, random};
use crate::world::World;

/// Says nothing of what it waits for.
pub const SILENT: operator::Tell<'static> = operator::Tell(&|_| {});
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

async fn order(world: &World, operation: Operation) -> Result<operator::Report, VerbError> {
    let urls = world.urls.join(",");
    let order = Order {
        key: world.operator_key(),
        cluster: format!("{urls}#{}", world.cluster).parse().unwrap(),
        operation,
    };
    operator::run(order, SILENT).await
}

async fn sets(world: &World, mode: RegistrationMode) {
    order(world, Operation::SetRegistration(mode))
        .await
        .unwrap();
}

async fn invited(world: &World, name: Option<&str>) -> Invite {
    let invite = InviteOrder {
        name: name.map(|name| name.parse().unwrap()),
        life: DAY,
        out: None,
    };
    let report = order(world, Operation::Invite(invite)).await.unwrap();
    Invite::of_code(&report.output.unwrap().text).unwrap()
}

fn used(invite: &Invite, who: &Person) -> Signed<InviteUse> {
    let key = invite.seed.key();
    let used = InviteUse {
        invite: key.public(),
        cluster: invite.cluster,
        identity: who.identity.public(),
        name: who.name.clone(),
    };
    Signed::new(&key, used)
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_registers_one_user_where_others_are_refused() {
    let world = World::new(3).await;
    sets(&world, RegistrationMode::Invite).await;
    let ada = Person::new("ada");
    let refused = ada.register(&world).await;
    assert_eq!(told(&refused), (403, "registration_closed".into()));

    let invite = invited(&world, Some("ada")).await;
    assert_eq!(invite.cluster, world.cluster);
    let eve = Person::new("eve");
    let stolen = eve.register_with(&world, Some(used(&invite, &eve))).await;
    assert_eq!(told(&stolen), (403, "bad_invite".into()));
    let body = ada.registration(Some(used(&invite, &ada)));
    let answer = ada.command(&world, 1, paths::USERS, &body).await;
    assert!(answer.read::<api::Registered>().created);
    // and again, as after an answer that was lost
    let again = ada.command(&world, 1, paths::USERS, &body).await;
    assert!(!again.read::<api::Registered>().created);

    sets(&world, RegistrationMode::Open).await;
    assert_eq!(eve.register(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_begins_in_the_mode_that_all_its_founders_were_started_with() {
    let closed = |config: &mut cameo_cluster::config::Config| {
        config.registration = RegistrationMode::Closed;
    };
    let world = World::changed(2, closed).await;
    let refused = Person::new("ada").register(&world).await;
    assert_eq!(told(&refused), (403, "registration_closed".into()));
    let descriptor = world.descriptor().await;
    assert_eq!(descriptor.registration, RegistrationMode::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_user_starts_nothing_new() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let retire = || Operation::Retire("ada".parse().unwrap());
    order(&world, retire()).await.unwrap();
    order(&world, retire()).await.unwrap();
    let body = api::KeepAlive { epoch };
    let ended = ada.post(&world, 1, paths::KEEP_ALIVE, &body).await;
    assert_eq!(told(&ended), (410, "session_ended".into()));
    let refused = ada.second_device().register(&world).await;
    assert_eq!(told(&refused), (403, "retired".into()));
    let nobody = order(&world, Operation::Retire("eve".parse().unwrap())).await;
    assert!(matches!(
        nobody,
        Err(VerbError::Order(OrderError::Refused(_)))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_can_do_nothing_are_refused_with_their_exit_code() {
    let world = World::new(1).await;
    Person::registered(&world, "ada").await;
    let invite = |name: Option<&str>| {
        Operation::Invite(InviteOrder {
            name: name.map(|name| name.parse().unwrap()),
            life: DAY,
            out: None,
        })
    };
    let exit = async |operation| {
        let error = order(&world, operation).await.unwrap_err();
        (operator::Exit::from(&error), error.to_string())
    };
    for (operation, code, says) in [
        (
            Operation::Retire("eve".parse().unwrap()),
            operator::Exit::NotFound,
            "eve is not registered",
        ),
        (
            Operation::RemoveWorker(1.into()),
            operator::Exit::Refused,
            "node 1 is a voter",
        ),
        (
            Operation::RemoveWorker(9.into()),
            operator::Exit::NotFound,
            "no worker of the cluster has the id 9",
        ),
        (
            invite(Some("ada")),
            operator::Exit::Refused,
            "ada is registered already",
        ),
    ] {
        let (exit, told) = exit(operation).await;
        assert_eq!(exit, code, "{told}");
        assert!(told.contains(says), "{told}");
    }
    // while invites are refused as long as they would register nobody
    sets(&world, RegistrationMode::Closed).await;
    let (code, told) = exit(invite(None)).await;
    assert_eq!(code, operator::Exit::Refused, "{told}");
    assert!(told.contains("registration is closed"), "{told}");
    sets(&world, RegistrationMode::Invite).await;
    order(&world, invite(Some("ben"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_without_a_node_is_said_in_one_sentence() {
    let world = World::new(1).await;
    let at = async |url: String| {
        let order = Order {
            key: world.operator_key(),
            cluster: format!("{url}#{}", world.cluster).parse().unwrap(),
            operation: Operation::SetRegistration(RegistrationMode::Closed),
        };
        let error = operator::run(order, SILENT).await.unwrap_err();
        assert_eq!(operator::Exit::from(&error), operator::Exit::NoMajority);
        error.to_string()
    };
    // given a program that speaks no TLS
    let foreign = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", foreign.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = foreign.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _sent = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let told = at(url.clone()).await;
    let expected = format!(
        "none of the nodes that were asked answers, and nothing was changed; give the URLs of the \
         others too: {url} is answered by a program that is no node of the cluster"
    );
    assert_eq!(told, expected);
    // and then a port where nothing listens
    answering.abort();
    let _aborted = answering.await;
    let told = at(url).await;
    assert!(told.ends_with("no program listens there"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_a_majority_says_either_that_nothing_was_done_or_that_it_may_have_been() {
    let mut world = World::new(3).await;
    for node in [2, 3] {
        world.stop(node).await;
    }
    let error = order(&world, Operation::SetRegistration(RegistrationMode::Closed))
        .await
        .unwrap_err();
    let told = error.to_string();
    assert_eq!(
        operator::Exit::from(&error),
        operator::Exit::NoMajority,
        "{told}"
    );
    let unchanged = told.contains("nothing was changed");
    let unknown = told.contains("may have been carried out");
    assert!(unchanged != unknown, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_order_without_the_operators_signature_is_refused() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let command = OperatorCommand::SetRegistration {
        mode: RegistrationMode::Closed,
    };
    let operator = cameo_cluster::operator::key_file::read(&world.operator_key()).unwrap();
    let right = OperatorOrder {
        operator: operator.public(),
        cluster: world.cluster,
        request: RequestId(random()),
        not_after: now().plus_millis(60_000),
        op: Op::from(&command).hash(),
    };
    let other = SigningKey::from_seed(random());
    let by_another = OperatorOrder {
        operator: other.public(),
        ..right.clone()
    };
    let late = OperatorOrder {
        not_after: now(),
        ..right.clone()
    };
    let elsewhere = OperatorOrder {
        cluster: cameo_common::ids::ClusterId([9; 32]),
        ..right.clone()
    };
    let other_op = OperatorOrder {
        op: Op::EndSession { epoch: 1 }.hash(),
        ..right.clone()
    };
    for (signed, code) in [
        (Signed::new(&other, by_another), "not_authenticated"),
        (Signed::new(&operator, late), "call_expired"),
        (Signed::new(&operator, elsewhere), "wrong_cluster"),
        (Signed::new(&operator, other_op), "not_authenticated"),
    ] {
        let answer = send_order(&world, &signed, &command).await;
        assert_eq!(answer.code(), code);
    }
    // a device's authorization is no order
    let answer = ada.post(&world, 1, paths::OPERATOR, &command).await;
    assert_eq!(told(&answer), (401, "not_authenticated".into()));
    // and the mode is as before
    assert_eq!(Person::new("ben").register(&world).await.status, 200);
    // given the operator's signature, it is carried out, and a repeat is answered the same
    let signed = Signed::new(&operator, right);
    for _ in 0..2 {
        assert_eq!(send_order(&world, &signed, &command).await.status, 200);
    }
    let refused = Person::new("cyd").register(&world).await;
    assert_eq!(told(&refused), (403, "registration_closed".into()));
}

async fn send_order(
    world: &World,
    signed: &Signed<OperatorOrder>,
    command: &OperatorCommand,
) -> Answer {
    let header = BASE64URL_NOPAD.encode(signed.as_bytes());
    let body = serde_json::to_vec(command).unwrap();
    let headers = [(OPERATOR_HEADER, header)];
    send(world.url(1), "POST", paths::OPERATOR, &headers, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_another_clusters_operator_or_fingerprint_orders_nothing() {
    let (world, other) = (World::new(1).await, World::new(1).await);
    let run = async |key, url: &str, cluster| {
        let order = Order {
            key,
            cluster: format!("{url}#{cluster}").parse().unwrap(),
            operation: Operation::SetRegistration(RegistrationMode::Closed),
        };
        operator::run(order, SILENT).await.unwrap_err()
    };
    let error = run(other.operator_key(), world.url(1), world.cluster).await;
    assert!(matches!(
        error,
        VerbError::Order(OrderError::OtherOperator { .. })
    ));
    let error = run(world.operator_key(), world.url(1), other.cluster).await;
    assert!(matches!(
        error,
        VerbError::Order(OrderError::OtherCluster { .. })
    ));
    assert_eq!(Person::new("ben").register(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_an_invite_is_for_its_owner_alone_and_refused_orders_leave_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new(1).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("invite");
    let invite = |life| InviteOrder {
        name: None,
        life,
        out: Some(out.clone()),
    };
    let long = order(&world, Operation::Invite(invite(DAY * 1_000))).await;
    assert!(matches!(
        long,
        Err(VerbError::Order(OrderError::Refused(_)))
    ));
    assert!(!out.exists());
    let report = order(&world, Operation::Invite(invite(DAY))).await.unwrap();
    assert!(report.output.is_none());
    let mode = std::fs::metadata(&out).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let twice = order(&world, Operation::Invite(invite(DAY))).await;
    assert!(matches!(twice, Err(VerbError::File(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_registrations_above_the_rate_of_a_source_are_told_to_wait() {
    let world = World::new(1).await;
    let ask = async || send(world.url(1), "POST", paths::USERS, &[], b"{}").await;
    // given as many registrations of this machine as one source may make at once
    let began = Instant::now();
    for _ in 0..256 {
        assert_eq!(ask().await.status, 401);
    }
    // when it makes more than it gets anew with time, then it is told when to come back, before
    // anything is verified
    let mut answer = ask().await;
    while answer.status == 401 {
        assert!(
            began.elapsed() < DEADLINE,
            "it takes one more each second at most"
        );
        answer = ask().await;
    }
    assert_eq!(told(&answer), (429, "too_many_calls".into()));
    let wait = answer.json()["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1_000).contains(&wait), "{wait}");
    // while other calls are served
    let status = send(world.url(1), "GET", paths::STATUS, &[], b"").await;
    assert_eq!(status.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_refused_registrations_do_not_make_the_log_grow() {
    // given a cluster with a user, whose registration is closed
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    sets(&world, RegistrationMode::Closed).await;
    let retire = Operation::Retire("ada".parse().unwrap());
    order(&world, retire).await.unwrap();
    let before = world.status(1).await.committed;
    // when others register, and the retired one begins a session
    for number in 0..3 {
        let eve = Person::new(&format!("eve{number}"));
        let refused = eve.register(&world).await;
        assert_eq!(told(&refused), (403, "registration_closed".into()));
        let refused = ada.second_device().register(&world).await;
        assert_eq!(told(&refused), (403, "retired".into()));
    }
    // then nothing was written
    assert_eq!(world.status(1).await.committed, before);
}
