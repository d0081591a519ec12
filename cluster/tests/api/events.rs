//! The event stream: events in order, resumed on any node, ended with its session.

use cameo_common::api::{AckRights, EndSession, Event, EventKind, PutRights, paths};
use cameo_common::signed::Signed;
use cameo_common::statements::RightsAck;

use crate::http::Stream;
use crate::person::Person;
use crate::world::World;

async fn next(stream: &mut Stream) -> Event {
    let id = stream.line("id: ").await;
    let event: Event = serde_json::from_str(&stream.line("data: ").await).unwrap();
    assert_eq!(event.sequence.to_string(), id);
    event
}

/// The version of the next rights in the stream, and their sequence.
async fn next_rights(stream: &mut Stream) -> (u64, u64) {
    loop {
        let event = next(stream).await;
        if let EventKind::Rights { rights, .. } = event.kind {
            return (rights.verify().unwrap().version, event.sequence);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_pushed_as_they_are_put_and_the_stream_resumes_at_another_node() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    bob.come_online(&world).await;
    let mut stream = bob.events(&world, 2, 0).await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let (version, token) = next_rights(&mut stream).await;
    assert_eq!(version, 1);
    drop(stream);

    let put = async |version| {
        let rights = Signed::new(&ada.identity, ada.rights(shared.grant, version, 3));
        let path = paths::fill(paths::RIGHTS, &shared.grant);
        let answer = ada.command(&world, 1, &path, &PutRights { rights }).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
    };
    put(2).await;
    let mut stream = bob.events(&world, 3, token).await;
    assert_eq!(next_rights(&mut stream).await.0, 2);
    put(3).await;
    assert_eq!(next_rights(&mut stream).await.0, 3);
    // An idle stream sends heartbeats.
    stream.line(": alive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_rights_are_pushed_again_in_the_next_session() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    bob.come_online(&world).await;
    let mut stream = bob.events(&world, 1, 0).await;
    let (version, token) = next_rights(&mut stream).await;
    assert_eq!(version, 1);

    bob.come_online(&world).await;
    let mut stream = bob.events(&world, 1, token).await;
    let (version, token) = next_rights(&mut stream).await;
    assert_eq!(version, 1);

    let ack = RightsAck {
        viewer: bob.identity.public(),
        grant: shared.grant,
        version: 1,
    };
    let body = AckRights {
        ack: Signed::new(&bob.identity, ack),
    };
    let path = paths::fill(paths::ACK, &shared.grant);
    assert_eq!(bob.command(&world, 1, &path, &body).await.status, 200);
    bob.come_online(&world).await;
    let mut stream = bob.events(&world, 1, token).await;
    let rights = Signed::new(&ada.identity, ada.rights(shared.grant, 2, 2));
    let path = paths::fill(paths::RIGHTS, &shared.grant);
    assert_eq!(
        ada.command(&world, 1, &path, &PutRights { rights })
            .await
            .status,
        200
    );
    // Version 1 was acknowledged: the next event is version 2.
    assert_eq!(next_rights(&mut stream).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_and_with_its_node() {
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let mut stream = ada.events(&world, 1, 0).await;
    stream.line("HTTP/1.1 200").await;
    let body = EndSession { epoch };
    assert_eq!(
        ada.command(&world, 1, paths::END_SESSION, &body)
            .await
            .status,
        200
    );
    stream.line("event: ended").await;
    assert!(stream.line("data: ").await.contains("session_ended"));
    stream.end().await;

    ada.come_online(&world).await;
    let mut stream = ada.events(&world, 1, 0).await;
    stream.line("HTTP/1.1 200").await;
    world.stop(1).await;
    stream.line("event: ended").await;
    assert!(stream.line("data: ").await.contains("unavailable"));
    stream.end().await;
}
