//! A node whose disk becomes full while the cluster runs. Each node has a folder of its own on the
//! disk of the tests, and a meter that a test sets: a mount would take privileges.

use cameo_common::api::{Registered, StateHash, UserInfo, paths};
use cameo_common::ids::NodeId;

use crate::http::{read_plain, send};
use crate::person::Person;
use crate::world::{World, until};

/// Waits until one node has the state of another.
async fn has_caught_up(world: &World, node: NodeId, with: NodeId) {
    let hash = async |node: NodeId| -> StateHash {
        send(world.url(node), "GET", paths::STATE_HASH, &[], b"")
            .await
            .read()
    };
    until("equal states", async || {
        let (one, two) = (hash(node).await, hash(with).await);
        (one == two).then_some(())
    })
    .await;
}

/// Fills the disk of a node, writes through the others, and frees it.
async fn fill_and_free(world: &World, full: NodeId, name: &str) {
    let other = NodeId(if full == NodeId(1) { 2 } else { 1 });
    let known = Person::new(&format!("{name}-before"));
    let registered: Registered = known.register_at(world, other).await.read();
    assert!(registered.created);
    has_caught_up(world, full, other).await;
    world.set_full(full, true);
    let status = world.low(full, true).await;
    assert_eq!((status.disk.free, status.disk.reserve > 0), (Some(0), true));
    // The metrics say it too.
    let page = read_plain(world.metrics(full), paths::METRICS).await.body;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("\ncameo_disk_low 1\n"), "{page}");
    until("a leader with room", async || {
        let leader = world.status(other).await.leader;
        leader.filter(|leader| *leader != full)
    })
    .await;

    // A command through it is refused, and nothing is done.
    let person = Person::new(name);
    let refused = person.register_at(world, full).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "unavailable")
    );
    let message = refused.json()["message"].to_string();
    assert!(message.contains("low on disk space"), "{message}");
    // Through the others it is done, and read.
    let registered: Registered = person.register_at(world, other).await.read();
    assert!(registered.created, "nothing was done before");
    let path = format!("/v1/users/{name}");
    let info: UserInfo = person.get(world, other, &path).await.read();
    assert_eq!(info.card.verify().unwrap().name, person.name);
    // It goes on to serve stale reads, and has nothing new.
    let stale = async |of: &Person| {
        let path = format!("/v1/users/{}?stale=true", of.name);
        known.get(world, full, &path).await
    };
    let info: UserInfo = stale(&known).await.read();
    assert_eq!(info.card.verify().unwrap().name, known.name);
    let unknown = stale(&person).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "not_registered")
    );
    assert!(world.status(full).await.applied < world.status(other).await.applied);

    world.set_full(full, false);
    world.low(full, false).await;
    has_caught_up(world, full, other).await;
    let info: UserInfo = person.get(world, full, &path).await.read();
    assert_eq!(info.card.verify().unwrap().name, person.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_follower_with_a_full_disk_then_the_others_go_on_and_it_catches_up_with_room() {
    let world = World::new(3).await;
    let leader = world.leader().await;
    let follower = NodeId(if leader == NodeId(1) { 2 } else { 1 });
    fill_and_free(&world, follower, "ada").await;
    assert_eq!(world.leader().await, leader, "the follower disturbs nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_leader_with_a_full_disk_then_another_leads_and_it_catches_up_with_room() {
    let world = World::new(3).await;
    let leader = world.leader().await;
    fill_and_free(&world, leader, "ada").await;
}
