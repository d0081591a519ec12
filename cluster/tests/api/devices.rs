//! Revoked devices: refused by every node, in everything.

use cameo_common::api::{Debited, Done, GrantInfo, Released, RevokeDevice, UserInfo, paths};
use cameo_common::identity::DeviceRevocation;
use cameo_common::keys::{PublicKey, SealingSecret, SigningKey};
use cameo_common::signed::Signed;

use crate::http::Answer;
use crate::person::{Person, Shared, random};
use crate::views::{debit, part, view_request};
use crate::world::World;

fn revocation(world: &World, by: &SigningKey, device: PublicKey) -> RevokeDevice {
    let content = DeviceRevocation {
        user: by.public(),
        cluster: world.cluster,
        device,
        sequence: 2,
    };
    RevokeDevice {
        revocation: Signed::new(by, content),
    }
}

async fn revoke(world: &World, by: &Person, device: &Person) -> Answer {
    let body = revocation(world, &by.identity, device.device.public());
    by.command(world, 1, paths::REVOKE_DEVICE, &body).await
}

/// Ada, and Bob at two registered devices, with a photo of three views.
async fn two_devices(world: &World) -> (Person, Person, Person, Shared) {
    let ada = Person::registered(world, "ada").await;
    let bob = Person::registered(world, "bob").await;
    let phone = bob.second_device();
    assert_eq!(phone.register(world).await.status, 200);
    let shared = ada.share(world, &bob, b"a photo", 3).await;
    (ada, bob, phone, shared)
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_node_serves_a_revoked_device_also_for_a_view_that_it_has_paid() {
    let world = World::new(3).await;
    let (ada, bob, phone, shared) = two_devices(&world).await;
    // Given a view that the phone has debited, of which a node has released its part
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &phone, &shared, [1; 16], &key);
    let debited: Debited = debit(&world, 1, &phone, &shared, &request).await.read();
    let released = part(&world, 1, &phone, &shared, &request, debited.index).await;
    let _part: Released = released.read();

    // when Bob revokes it,
    let done: Done = revoke(&world, &bob, &phone).await.read();
    assert!(done.done);

    // then no node releases a part to it, also not the one that had done so before,
    for node in 1..=3 {
        let answer = part(&world, node, &bob, &shared, &request, debited.index).await;
        assert_ne!(answer.status, 200, "node {node}: {answer:?}");
        let answer = part(&world, node, &phone, &shared, &request, debited.index).await;
        assert_eq!(answer.code(), "device_revoked");
    }
    // a new view charges nothing,
    let another = view_request(&world, &phone, &shared, [2; 16], &key);
    let answer = debit(&world, 2, &phone, &shared, &another).await;
    assert_eq!(answer.code(), "device_revoked");
    let path = paths::fill(paths::GRANT, &shared.grant);
    let info: GrantInfo = ada.get(&world, 2, &path).await.read();
    assert_eq!(info.used, 1);
    // and neither a read nor its certificate is accepted,
    let read = phone.get(&world, 1, &path).await;
    assert_eq!(read.code(), "device_revoked");
    let again = phone.register(&world).await;
    assert_eq!(again.code(), "device_revoked");

    // while the other device goes on.
    let own = view_request(&world, &bob, &shared, [3; 16], &key);
    let debited: Debited = debit(&world, 3, &bob, &shared, &own).await.read();
    for node in 1..=3 {
        let answer = part(&world, node, &bob, &shared, &own, debited.index).await;
        assert_eq!(answer.status, 200, "node {node}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_only_its_own_user_revokes_a_device() {
    let world = World::new(3).await;
    let (ada, bob, phone, _) = two_devices(&world).await;
    // Given Ada, who submits Bob's statement, and one of Ada's
    let device = phone.device.public();
    let by_bob = revocation(&world, &bob.identity, device);
    let by_ada = revocation(&world, &ada.identity, device);
    for body in [by_bob, by_ada] {
        let answer = ada.command(&world, 1, paths::REVOKE_DEVICE, &body).await;
        assert!([403, 404].contains(&answer.status), "{answer:?}");
    }
    // then the phone is as good as before.
    let path = paths::fill(paths::USER, &bob.name);
    let info: UserInfo = phone.get(&world, 2, &path).await.read();
    assert!(
        info.devices
            .iter()
            .all(|device| device.revocation.is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_loses_its_session_and_its_stream_ends() {
    let world = World::new(3).await;
    let (_, bob, phone, _) = two_devices(&world).await;
    // Given a stream of the phone
    let epoch = phone.come_online(&world).await;
    let mut stream = phone.events(&world, 2, 0).await;
    // when it is revoked
    let done: Done = revoke(&world, &bob, &phone).await.read();
    assert!(done.done);
    // then the stream ends, and no keep-alive counts
    stream.line("event: ended").await;
    assert!(stream.line("data: ").await.contains("session_ended"));
    let body = cameo_common::api::KeepAlive { epoch };
    let answer = phone.post(&world, 1, paths::KEEP_ALIVE, &body).await;
    assert_eq!(answer.code(), "device_revoked");
}
