//! Messages and exit codes for people: about retired users, revoked devices, homes that are not
//! served, and addresses without a node.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use cameo_harness::{Person, until};
use cameo_tests::{Outcome, PHOTOS, SETTLES_WITHIN, World, grant_row, photo, share, text};
use serde_json::Value;

/// A connection that is refused is not waited for.
const AT_ONCE: Duration = Duration::from_secs(5);
/// A worker asks whether it is a member each ten seconds.
const WORKER_ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Runs a command that has to end with this code, and returns its JSON.
async fn ends_with(person: &Person, code: i32, arguments: &[&str]) -> Value {
    let ran = person.run(arguments).await.unwrap();
    assert_eq!(
        ran.code, code,
        "{arguments:?}: {}{}",
        ran.stdout, ran.stderr
    );
    ran.json
}

/// The row of a request in `requests`, in or out.
async fn request_row(person: &Person, list: &str, request: &str) -> Value {
    let listed = person.ok(&["requests", "--all"]).await.unwrap();
    let rows = listed[list].as_array().unwrap();
    let row = rows.iter().find(|row| row["request"] == request);
    row.cloned()
        .unwrap_or_else(|| panic!("{request} is not in {listed}"))
}

/// Waits until a person's agent has ended by itself, with this code.
async fn agent_ends_with(person: &mut Person, code: i32) {
    let ended = until("the end of the agent", SETTLES_WITHIN, async || {
        person.agent_ended()
    });
    assert_eq!(ended.await.unwrap().code(), Some(code));
}

/// How often the log of a person's agent has this text.
fn said(person: &Person, text: &str) -> usize {
    let log = std::fs::read_to_string(person.home.with_file_name("agent.log")).unwrap();
    log.matches(text).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_retired_viewer_gets_nothing_and_both_sides_are_told() {
    // Given Ben with a photo of Ada's, and with a request that Ada has to decide on
    let world = World::new(3).await.unwrap();
    let ada = world.person("ada").await.unwrap();
    let mut ben = world.person("ben").await.unwrap();
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"])
        .await
        .unwrap();
    let other = photo(PHOTOS[1]).display().to_string();
    let added = ada.ok(&["add", &other, "--policy", "ask"]).await.unwrap();
    let image = text(&added["images"][0], "image").unwrap();
    let asked = ben
        .ok(&["request", "ada", &image, "--no-wait"])
        .await
        .unwrap();
    let request = text(&asked, "request").unwrap();

    // when the operator retires Ben,
    world.cluster.order(&["retire", "ben"]).await.unwrap();

    // then the agent of Ben says so once, and ends;
    agent_ends_with(&mut ben, 4).await;
    assert_eq!(said(&ben, "starting a session"), 1);
    assert_eq!(said(&ben, "the operator has retired ben"), 1);
    // each command of Ben says so, and opens nothing;
    let status = ends_with(&ben, 4, &["status"]).await;
    assert_eq!(status["account"]["state"], "retired", "{status}");
    for verb in [vec!["view", &shared.grant, "--yes"], vec!["agent"]] {
        let refused = ends_with(&ben, 4, &verb).await;
        assert_eq!(refused["error"]["code"], "retired", "{refused}");
    }
    // Ada's agent shows Ben no gallery, though it knows Ben;
    let refusal = until("Ada's agent to look Ben up", SETTLES_WITHIN, async || {
        let ran = ben.run(&["gallery", "ada"]).await.ok()?;
        (ran.code == 4).then_some(ran.json)
    });
    let refusal = refusal.await.unwrap();
    let told = refusal["error"]["message"].as_str().unwrap();
    assert!(told.contains("retired you"), "{told}");

    // and Ada is told, and is promised nothing.
    let found = ada.ok(&["who", "ben"]).await.unwrap();
    assert!(found["retired"].is_u64(), "{found}");
    let row = grant_row(&ada, "shared", &shared.grant).await.unwrap();
    assert!(row["viewer_retired"].is_u64(), "{row}");
    let lowered = ada
        .ok(&["rights", &shared.grant, "--views", "2"])
        .await
        .unwrap();
    assert_eq!(lowered["viewer_retired"], true, "{lowered}");
    assert_eq!(lowered["delivered"], false, "{lowered}");
    let refused = ends_with(&ada, 4, &["approve", &request]).await;
    assert_eq!(refused["error"]["code"], "retired", "{refused}");
    let row = request_row(&ada, "in", &request).await;
    assert_eq!(row["state"], "viewer_retired", "{row}");
    let denied = ada.ok(&["deny", &request]).await.unwrap();
    assert_eq!(denied["viewer_retired"], true, "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_retired_owner_serves_nothing_and_requests_to_them_end_with_the_reason() {
    // Given Ben with a photo of Ada's, and with a request that waits for Ada
    let world = World::new(3).await.unwrap();
    let mut ada = world.person("ada").await.unwrap();
    let ben = world.person("ben").await.unwrap();
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "2"])
        .await
        .unwrap();
    let other = photo(PHOTOS[1]).display().to_string();
    let added = ada.ok(&["add", &other, "--policy", "ask"]).await.unwrap();
    let image = text(&added["images"][0], "image").unwrap();
    let asked = ben
        .ok(&["request", "ada", &image, "--no-wait"])
        .await
        .unwrap();
    let request = text(&asked, "request").unwrap();

    // when the operator retires Ada,
    world.cluster.order(&["retire", "ada"]).await.unwrap();

    // then nobody sees Ada's gallery or requests anything there,
    for verb in [vec!["gallery", "ada"], vec!["request", "ada", &image]] {
        let refused = ends_with(&ben, 4, &verb).await;
        assert_eq!(refused["error"]["code"], "retired", "{refused}");
    }
    // the open request has ended, and says why,
    let row = request_row(&ben, "out", &request).await;
    assert_eq!(row["state"], "denied", "{row}");
    let why = row["detail"].as_str().unwrap();
    assert!(why.contains("the operator has retired ada"), "{why}");
    // and what Ben has opens, and says that there will be no more.
    let row = grant_row(&ben, "inbox", &shared.grant).await.unwrap();
    assert!(row["owner_retired"].is_u64(), "{row}");
    let opened = ben.ok(&["view", &shared.grant, "--yes"]).await.unwrap();
    assert!(opened["owner_retired"].is_u64(), "{opened}");
    // Ada's agent ends, and Ada still revokes.
    agent_ends_with(&mut ada, 4).await;
    let revoked = ada.ok(&["revoke", &shared.grant]).await;
    // Ben has it, or is away for a moment: either way it is in the ledger.
    let row = grant_row(&ben, "inbox", &shared.grant).await.unwrap();
    assert_eq!(row["revoked"], true, "{row} {revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_is_wrong_and_has_its_code() {
    let mut world = World::new(3).await.unwrap();
    // a home that is not there
    let nobody = world.stranger("nobody").unwrap();
    let told = ends_with(&nobody, 3, &["status"]).await;
    assert_eq!(told["error"]["code"], "no_home", "{told}");
    assert!(!nobody.home.exists());
    // a device that was revoked, and the next one of the same home
    let ben = world.registered("ben").await.unwrap();
    let fine = ends_with(&ben, 0, &["status"]).await;
    assert_eq!(fine["account"]["state"], "active", "{fine}");
    let revoked = ends_with(&ben, 0, &["device", "revoke", "--this"]).await;
    assert_eq!(revoked["this"], true, "{revoked}");
    let told = ends_with(&ben, 4, &["status"]).await;
    assert_eq!(told["account"]["state"], "device_revoked", "{told}");
    let again = ends_with(&ben, 0, &["device", "revoke", "--this"]).await;
    assert_eq!(again["in_force"], true, "{again}");
    let renewed = ends_with(&ben, 0, &["device", "new"]).await;
    assert_eq!(renewed["before_revoked"], true, "{renewed}");
    ends_with(&ben, 0, &["status"]).await;
    // a user whom the cluster does not know yet
    world
        .cluster
        .order(&["registration", "closed"])
        .await
        .unwrap();
    let eve = world.stranger("eve").unwrap();
    ends_with(
        &eve,
        4,
        &["init", "eve", "--cluster", &world.cluster.urls()],
    )
    .await;
    let told = ends_with(&eve, 3, &["status"]).await;
    assert_eq!(told["account"]["state"], "not_registered", "{told}");
    // and a cluster without a majority, or without any node
    for node in [2, 3] {
        world.cluster.node_mut(node).unwrap().kill().await.unwrap();
    }
    let told = ends_with(&ben, 7, &["status"]).await;
    assert_eq!(told["account"]["state"], "no_majority", "{told}");
    world.cluster.node_mut(1).unwrap().kill().await.unwrap();
    let told = ends_with(&ben, 7, &["status"]).await;
    assert_eq!(told["account"]["state"], "unreachable", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_devices_agent_says_so_and_ends() {
    let world = World::new(1).await.unwrap();
    let mut ben = world.person("ben").await.unwrap();
    ends_with(&ben, 0, &["device", "revoke", "--this"]).await;
    agent_ends_with(&mut ben, 4).await;
    assert_eq!(said(&ben, "starting a session"), 1);
    assert!(said(&ben, "cameo device new") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_does_not_wait_where_no_node_is() {
    let world = World::prepared(1).await.unwrap();
    let eve = world.stranger("eve").unwrap();
    let began = Instant::now();
    let cluster = format!(
        "https://{}#{}",
        world.cluster.nodes[0].http,
        "ab".repeat(32)
    );
    let ran = eve
        .run(&["init", "eve", "--cluster", &cluster])
        .await
        .unwrap();
    assert_eq!(ran.code, 7, "{}", ran.stdout);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(
        ran.stderr.contains("Connecting to https://"),
        "{}",
        ran.stderr
    );
    assert!(!eve.home.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_removed_while_it_runs_says_so_and_ends() {
    // Given a worker that runs
    let mut world = World::new(3).await.unwrap();
    world.cluster.join_worker(4).await.unwrap();
    // when the operator removes it,
    world.cluster.remove(4).await.unwrap();
    // then it ends, with a sentence.
    let worker = world.cluster.node_mut(4).unwrap();
    let ended = until("the end of the worker", WORKER_ENDS_WITHIN, async || {
        worker.ended()
    });
    assert_eq!(ended.await.unwrap().code(), Some(2));
    let log = std::fs::read_to_string(world.cluster.node(4).unwrap().log()).unwrap();
    assert!(log.contains("node 4 was removed"), "{log}");
}

#[tokio::test]
async fn what_a_command_did_is_told_though_its_output_cannot_be_written() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    // given a stdout on a full disk, when views and rights are used and changed
    let cases: [(_, &[&str], &str); 4] = [
        (
            &ben,
            &["view", &shared.grant, "--no-show"],
            "View 1 of 3: opened",
        ),
        (
            &ben,
            &["view", &shared.grant, "--no-show", "--json"],
            "View 2 of 3: opened",
        ),
        (
            &ada,
            &["rights", &shared.grant, "--views", "4"],
            "4 views in total",
        ),
        (&ada, &["revoke", &shared.grant], "all rights revoked"),
    ];
    for (person, line, done) in cases {
        let full = std::fs::File::options().write(true).open("/dev/full")?;
        let (code, told) = person.run_into(line, full.into()).await?;
        // then stderr tells what was done, and that it could not be written
        assert_eq!(code, 1, "{line:?}: {told}");
        assert!(
            told.contains("the output cannot be written"),
            "{line:?}: {told}"
        );
        let stands = "this was done all the same: ";
        assert!(
            told.contains(stands) && told.contains(done),
            "{line:?}: {told}"
        );
    }
    let row = grant_row(&ada, "shared", &shared.grant).await?;
    assert_eq!(
        (row["used"].as_u64(), row["revoked"].as_bool()),
        (Some(2), Some(true))
    );
    Ok(())
}
