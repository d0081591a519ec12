//! A cluster that is lost, and goes on as a new one from its backup: with the same users, carriers
//! and counts, once operator, users and owners have agreed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cameo_harness::{Cluster, Person, until};
use cameo_tests::{Outcome, PHOTOS, SETTLES_WITHIN, World, grant_row, photo, share};
use tokio::process::Command;

/// Carries out a verb of `cameod` that needs no cluster.
async fn cameod(world: &World, words: &[&str]) -> anyhow::Result<()> {
    let ran = Command::new(&world.binaries.node).args(words).output();
    let ran = ran.await?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    anyhow::ensure!(ran.status.success(), "cameod {words:?}: {said}");
    Ok(())
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// Three new nodes that begin from a backup of the world's cluster, which is gone.
async fn restored(world: &mut World, backup: &Path) -> anyhow::Result<Cluster> {
    let urls = world.cluster.urls();
    let (_, from) = urls.rsplit_once('#').context("a fingerprint")?;
    for node in &mut world.cluster.nodes {
        node.kill().await?;
    }
    let folder = world.folder().join("new");
    std::fs::create_dir(&folder)?;
    let mut cluster = Cluster::prepare(&world.binaries, &folder, 3).await?;
    for node in &cluster.nodes {
        let data = node.folder.join("data");
        let (file, data) = (path(backup)?, path(&data)?);
        cameod(world, &["restore", file, "--from", from, "--data", data]).await?;
    }
    cluster.start_all().await?;
    Ok(cluster)
}

async fn backed_up(world: &World) -> anyhow::Result<PathBuf> {
    let file = world.folder().join("cameo.backup");
    world.cluster.order(&["backup", path(&file)?]).await?;
    Ok(file)
}

/// Approves the restore, and waits until every node serves.
async fn approved(cluster: &Cluster, backup: &Path) -> anyhow::Result<()> {
    cluster.order(&["approve-restore", path(backup)?]).await?;
    for node in &cluster.nodes {
        let ready = async || node.get("/ready").await;
        until("the state to be taken over", SETTLES_WITHIN, ready).await?;
    }
    Ok(())
}

async fn follows(person: &Person, cluster: &Cluster) -> anyhow::Result<()> {
    let urls = cluster.urls();
    let words = ["init", &person.name, "--cluster", &urls];
    let refused = person.run(&words).await?;
    let why = &refused.json["error"]["code"];
    anyhow::ensure!(refused.code == 8 && why == "not_followed", "{refused:?}");
    person.ok(&[&words[..], &["--yes"]].concat()).await?;
    Ok(())
}

#[tokio::test]
async fn a_lost_cluster_goes_on_from_its_backup_and_no_used_view_is_back() -> Outcome {
    // given a photo of which one of three views is used, and a backup
    let mut world = World::new(3).await?;
    let (mut ada, mut ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    let backup = backed_up(&world).await?;
    ada.kill_agent().await?;
    ben.kill_agent().await?;
    // when the nodes are lost, and new ones take the state over
    let cluster = restored(&mut world, &backup).await?;
    // then no home follows them before the operator has approved it, also with consent
    let urls = cluster.urls();
    let early = ada
        .run(&["init", "ada", "--cluster", &urls, "--yes"])
        .await?;
    assert_eq!(early.json["error"]["code"], "unavailable", "{early:?}");
    approved(&cluster, &backup).await?;
    follows(&ada, &cluster).await?;
    follows(&ben, &cluster).await?;
    // and the photo is closed, and says so
    let held = grant_row(&ben, "inbox", &shared.grant).await?;
    assert_eq!(
        (&held["closed"], held["left"].as_u64()),
        (&true.into(), Some(2)),
        "{held}"
    );
    let refused = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(
        refused.json["error"]["code"], "closed_by_restore",
        "{refused:?}"
    );
    let low = ada.run(&["reopen", &shared.grant, "--used", "0"]).await?;
    assert_eq!(low.code, 2, "{low:?}");
    // when its owner opens it, then what was left is left, by the carrier of before
    let opened = ada.ok(&["reopen", "--all"]).await?;
    assert_eq!(opened["reopened"][0]["used"], 1, "{opened}");
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    let spent = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(spent.code, 5, "{spent:?}");
    // and agents and new shares work as ever
    ada.start_agent().await?;
    ben.start_agent().await?;
    let next = share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "1"]).await?;
    ben.ok(&["view", &next.grant, "--yes"]).await?;
    let revoked = ada.ok(&["revoke", &shared.grant]).await?;
    assert_eq!(revoked["confirmation"]["in_force"], true, "{revoked}");
    Ok(())
}

#[tokio::test]
async fn rights_that_were_lowered_after_the_backup_are_lowered_again_before_a_view() -> Outcome {
    let mut world = World::new(3).await?;
    let (mut ada, mut ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    let backup = backed_up(&world).await?;
    // given a view and a lowering after the backup
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    ada.ok(&["rights", &shared.grant, "--views", "2"]).await?;
    ada.kill_agent().await?;
    ben.kill_agent().await?;
    let cluster = restored(&mut world, &backup).await?;
    approved(&cluster, &backup).await?;
    follows(&ada, &cluster).await?;
    follows(&ben, &cluster).await?;
    // when the owner opens it, with the view that they know of
    let opened = ada.ok(&["reopen", &shared.grant, "--used", "1"]).await?;
    assert_eq!(opened["reopened"][0]["permitted"], 2, "{opened}");
    // then one is left
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    let spent = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(spent.code, 5, "{spent:?}");
    Ok(())
}
