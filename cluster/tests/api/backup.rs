//! The call that sends a backup.

use std::time::Duration;

use cameo_cluster::operator::key_file;
use cameo_common::api::{OPERATOR_HEADER, paths};
use cameo_common::ids::{ClusterId, RequestId};
use cameo_common::keys::SigningKey;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, send_as};
use crate::person::{Person, now, random};
use crate::world::World;

async fn ask(world: &World, by: &SigningKey, signed_by: &SigningKey, cluster: ClusterId) -> Answer {
    let order = BackupOrder {
        operator: signed_by.public(),
        cluster,
        request: RequestId(random()),
        not_after: now().plus(Duration::from_secs(30)),
    };
    let signed = Signed::new(signed_by, order);
    let header = BASE64URL_NOPAD.encode(signed.as_bytes());
    let headers = [(OPERATOR_HEADER, header)];
    send_as(by, world.url(1), "POST", paths::BACKUP, &headers, b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_order_of_a_backup_serves_on_no_other_connection() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let operator = key_file::read(&world.operator_key()).unwrap();
    let other = SigningKey::from_seed([3; 32]);
    let cluster = world.cluster;
    // given an order of the operator's, in the hands of another one
    let kept = ask(&world, &other, &operator, cluster).await;
    assert_eq!(
        (kept.status, kept.code()),
        (401, "not_authenticated".into())
    );
    let kept = ask(&world, &ada.device, &operator, cluster).await;
    assert_eq!(kept.status, 401);
    // a connection of the operator's with the order of another one, or for another cluster
    let forged = ask(&world, &operator, &other, cluster).await;
    assert_eq!(forged.status, 401);
    let elsewhere = ask(&world, &operator, &operator, ClusterId([1; 32])).await;
    assert_eq!(elsewhere.code(), "wrong_cluster");
    // then only both together get a snapshot
    let sent = ask(&world, &operator, &operator, cluster).await;
    assert_eq!(sent.status, 200);
    assert!(sent.body.starts_with(b"cameosnp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_node_that_is_low_on_disk_when_it_is_asked_for_a_backup_then_it_says_so() {
    let world = World::new(1).await;
    let operator = key_file::read(&world.operator_key()).unwrap();
    world.set_full(1, true);
    world.low(1, true).await;
    let refused = ask(&world, &operator, &operator, world.cluster).await;
    assert_eq!(
        (refused.status, refused.code()),
        (503, "unavailable".into())
    );
    let message = refused.json()["message"].to_string();
    assert!(message.contains("low on disk space"), "{message}");
    assert!(message.contains("ask another node"), "{message}");
    world.set_full(1, false);
    world.low(1, false).await;
    let sent = ask(&world, &operator, &operator, world.cluster).await;
    assert_eq!(sent.status, 200);
}
