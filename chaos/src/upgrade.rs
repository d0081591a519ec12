//! An update of a running cluster, node by node, to a program of the next version of entries.
//!
//! The same program plays both builds: a variable makes it the later one. Users register all the
//! while, and no registration may fail.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_harness::{Binaries, Cluster, Node, Person, until};
use cameo_mutant::NEXT_ENTRY_VERSION;

use crate::kill::agreed;

/// The node's program that can be made the later one.
const NODE: &str = "cameod-mutants";
const SIZE: u64 = 3;
const CHANGES_WITHIN: Duration = Duration::from_secs(30);
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Debug, serde::Serialize)]
pub struct Summary {
    pub schema: u32,
    /// Users whose registration was acknowledged; all of them are found at the end.
    pub registered: usize,
    /// Version of entries before the update, and after it.
    pub before: u64,
    pub after: u64,
}

/// Updates a cluster in `folder`.
///
/// # Errors
/// When a registration fails or is lost, the nodes differ, or the version changes too early, not at
/// all, or back.
pub async fn run(folder: &Path) -> anyhow::Result<Summary> {
    let mut binaries = Binaries::build()?;
    binaries.node.set_file_name(NODE);
    ensure!(
        binaries.node.is_file(),
        "there is no {}",
        binaries.node.display()
    );
    let mut cluster = Cluster::start(&binaries, folder, SIZE).await?;
    let urls = cluster.urls();
    let before = version(&cluster.nodes[0]).await.context("a version")?;
    let is_over = AtomicBool::new(false);
    let registering = register(&binaries, folder, &urls, &is_over);
    let updating = async {
        let updated = update(&mut cluster, before).await;
        is_over.store(true, Ordering::Release);
        updated
    };
    let (people, after) = tokio::join!(registering, updating);
    let (people, after) = (people?, after?);
    older_program_is_refused(&mut cluster).await?;
    for person in &people {
        let found = people[0].ok(&["who", &person.name]).await?;
        let name = &person.name;
        ensure!(
            found["user"] == name.as_str(),
            "{name} was acknowledged and is lost: {found}"
        );
    }
    for node in &mut cluster.nodes {
        node.stop().await?;
    }
    Ok(Summary {
        schema: 1,
        registered: people.len(),
        before,
        after,
    })
}

/// Registers one user after another until the update is over.
async fn register(
    binaries: &Binaries,
    folder: &Path,
    urls: &str,
    is_over: &AtomicBool,
) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        let person = Person::new(binaries, folder, &format!("user-{}", people.len()))?;
        let line = ["init", &person.name, "--cluster", urls];
        let registered = person.ok(&line).await;
        registered.context("a registration during the update")?;
        people.push(person);
    }
    Ok(people)
}

/// Replaces the program of one node after the other. The version that is reached.
async fn update(cluster: &mut Cluster, before: u64) -> anyhow::Result<u64> {
    for at in 0..cluster.nodes.len() {
        for node in &cluster.nodes {
            let now = version(node).await;
            ensure!(
                now == Some(before),
                "node {} writes version {now:?} while another one does not read it",
                node.id
            );
        }
        let node = &mut cluster.nodes[at];
        eprintln!("node {} gets the later program", node.id);
        node.stop().await?;
        node.environment = vec![(NEXT_ENTRY_VERSION.into(), "1".into())];
        node.start().await?;
        agreed(cluster).await?;
    }
    let after = before + 1;
    until(
        "the later version at all nodes",
        CHANGES_WITHIN,
        async || {
            for node in &cluster.nodes {
                if version(node).await != Some(after) {
                    return None;
                }
            }
            Some(())
        },
    )
    .await?;
    agreed(cluster).await?;
    Ok(after)
}

/// A node that is given the older program again says so and ends; it goes on with the later one.
async fn older_program_is_refused(cluster: &mut Cluster) -> anyhow::Result<()> {
    let node = &mut cluster.nodes[0];
    node.stop().await?;
    let environment = std::mem::take(&mut node.environment);
    node.launch()?;
    until(
        "the end of a node with an older program than its log",
        ENDS_WITHIN,
        async || node.ended(),
    )
    .await?;
    let log = std::fs::read_to_string(node.log())?;
    ensure!(
        log.contains("written by a later program"),
        "the node ended without the reason; its log is {}",
        node.log().display()
    );
    node.environment = environment;
    node.start().await?;
    agreed(cluster).await.map(|_| ())
}

async fn version(node: &Node) -> Option<u64> {
    node.status().await?["entry_version"].as_u64()
}
