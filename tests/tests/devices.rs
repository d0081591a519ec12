//! Devices of one user: revoked ones, and a home that was copied.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use cameo_harness::{Person, until};
use cameo_tests::{PHOTOS, SETTLES_WITHIN, World, photo, share, text};

/// Entries that two agents on one device key may add to the log in [`WATCHED`]: before, it was nine
/// a second.
const ENTRIES: u64 = 6;
const WATCHED: Duration = Duration::from_secs(20);

/// A copy of a person's home.
fn copy(world: &World, of: &Person, to: &str) -> Person {
    let mut copy = world.stranger(to).unwrap();
    copy_folder(&of.home, &copy.home);
    // The passphrase is the original's.
    let from = of.home.with_file_name("passphrase");
    std::fs::copy(from, copy.home.with_file_name("passphrase")).unwrap();
    copy.name.clone_from(&of.name);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_on_one_device_key_notice_each_other_and_write_little() {
    // Given a home, a copy of it, and an agent on each
    let world = World::new(3).await.unwrap();
    let mut ben = world.registered("ben").await.unwrap();
    let mut copy = copy(&world, &ben, "ben-copy");
    ben.start_agent().await.unwrap();
    copy.start_agent().await.unwrap();
    // then both notice, and `status` says so,
    for person in [&ben, &copy] {
        until(
            "the sign of the other agent",
            2 * SETTLES_WITHIN,
            async || {
                let status = person.ok(&["status"]).await.ok()?;
                status["other_agent"].is_u64().then_some(())
            },
        )
        .await
        .unwrap();
    }
    // and the log grows by a few entries at most.
    let before = world.cluster.caught_up().await.unwrap();
    tokio::time::sleep(WATCHED).await;
    let grown = world.cluster.caught_up().await.unwrap() - before;
    assert!(grown <= ENTRIES, "{grown} entries");
    // When one stops, the other is online again, and forgets it.
    ben.stop_agent().await.unwrap();
    until(
        "one agent that is undisturbed",
        2 * SETTLES_WITHIN,
        async || {
            let own = ben.ok(&["who", "ben"]).await.ok()?;
            (own["online"] == true).then_some(())
        },
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_copied_device_opens_nothing_once_it_is_revoked_from_another_home() {
    // Given a photo of Ada's, a home of Ben's, and a copy of it with a key of its own
    let world = World::new(3).await.unwrap();
    let ada = world.person("ada").await.unwrap();
    let mut ben = world.person("ben").await.unwrap();
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"])
        .await
        .unwrap();
    ben.stop_agent().await.unwrap();
    let other = copy(&world, &ben, "ben-other");
    let old = text(&other.ok(&["device", "new"]).await.unwrap(), "before").unwrap();
    let listed = other.ok(&["device", "list"]).await.unwrap();
    assert_eq!(listed["schema"], 1);
    assert_eq!(listed["devices"].as_array().unwrap().len(), 2);
    // when the copy revokes the first device,
    let own = other.ok(&["status"]).await.unwrap();
    let this = other
        .run(&["device", "revoke", &text(&own, "device").unwrap()])
        .await
        .unwrap();
    assert_eq!(this.code, 2, "{}", this.stdout);
    let revoked = other.ok(&["device", "revoke", &old[..12]]).await.unwrap();
    assert_eq!(revoked["in_force"], true, "{revoked}");
    // then that opens nothing, and charges nothing,
    let view = ["view", &shared.grant, "--yes"];
    let refused = ben.run(&view).await.unwrap();
    assert_eq!(refused.code, 4, "{}", refused.stdout);
    assert_eq!(refused.json["error"]["code"], "device_revoked");
    // while the other device opens the photo with the first view.
    let opened = other.ok(&view).await.unwrap();
    assert_eq!(opened["number"], 1, "{opened}");
    let nothing = other
        .run(&["device", "revoke", "ffffffffffff"])
        .await
        .unwrap();
    assert_eq!(nothing.code, 3, "{}", nothing.stdout);
}
