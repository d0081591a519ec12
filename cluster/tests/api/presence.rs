//! Presence: keep-alives, offline reports and probes.

use cameo_common::api::{KeepAlive, Online, ReportOffline, ReportedOffline, UserInfo, paths};
use cameo_common::ids::NodeId;

use crate::person::Person;
use crate::world::World;

async fn report(world: &World, by: &Person, of: &Person, epoch: u64) -> bool {
    let path = paths::fill(paths::USER_OFFLINE, &of.name);
    let (body, name) = (ReportOffline { epoch }, of.name.clone());
    let op = body.op(name);
    let answer = by.command_of(world, 2, &path, &body, &op).await;
    answer.read::<ReportedOffline>().offline
}

async fn online(world: &World, by: &Person, of: &Person) -> Option<bool> {
    let path = paths::fill(paths::USER, &of.name);
    by.get(world, 3, &path).await.read::<UserInfo>().online
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_false_report_does_not_end_a_session_that_answers_the_probe() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    ada.share(&world, &bob, b"photo", 1).await;
    let epoch = bob.come_online(&world).await;
    assert_eq!(online(&world, &ada, &bob).await, Some(true));
    let listed: Online = ada.get(&world, 1, paths::USERS).await.read();
    assert_eq!(listed.users, vec![bob.name.clone()]);

    // Given Bob's stream at another node than the report, and a renewal after the probe
    let mut stream = bob.events(&world, 3, 0).await;
    stream.line("HTTP/1.1 200").await;
    let answers = async {
        stream.line("event: probe").await;
        let alive = bob
            .post(&world, 1, paths::KEEP_ALIVE, &KeepAlive { epoch })
            .await;
        assert_eq!(alive.status, 200);
    };
    let (offline, ()) = tokio::join!(report(&world, &ada, &bob, epoch), answers);
    assert!(!offline);
    assert_eq!(online(&world, &ada, &bob).await, Some(true));

    // Given Bob's open stream, and no renewal
    let (offline, _) = tokio::join!(
        report(&world, &ada, &bob, epoch),
        stream.line("event: probe")
    );
    assert!(offline);
    assert_eq!(online(&world, &ada, &bob).await, Some(false));
    let late = bob
        .post(&world, 1, paths::KEEP_ALIVE, &KeepAlive { epoch })
        .await;
    assert_eq!((late.status, late.code().as_str()), (410, "session_ended"));

    // Given a new session of Bob's: a report of the earlier one changes nothing.
    let next = bob.come_online(&world).await;
    assert!(next > epoch);
    assert!(report(&world, &ada, &bob, epoch).await);
    assert_eq!(online(&world, &ada, &bob).await, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_alives_are_accepted_at_every_node() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    for node in 1..=3 {
        let answer = ada
            .post(&world, node, paths::KEEP_ALIVE, &KeepAlive { epoch })
            .await;
        assert_eq!(answer.status, 200, "node {node}");
        let other = KeepAlive { epoch: epoch + 1 };
        let answer = ada.post(&world, node, paths::KEEP_ALIVE, &other).await;
        assert_eq!(answer.code(), "session_ended", "node {node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_without_a_majority_renews_no_session_and_says_of_none_that_it_has_ended() {
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let epoch = ada.come_online(&world).await;
    let leader = world.leader().await;
    for id in (1..=3).map(NodeId).filter(|id| *id != leader) {
        world.stop(id).await;
    }
    // The second may have been started at another leader.
    for epoch in [epoch, epoch + 1] {
        let body = KeepAlive { epoch };
        let answer = ada.post(&world, leader, paths::KEEP_ALIVE, &body).await;
        assert_eq!(answer.status, 503, "{}", answer.code());
    }
}
