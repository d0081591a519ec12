//! An update of a running cluster, node by node, to a program of the next version of entries.
//!
//! The same program plays both builds: a variable makes it the later one. Users register all the
//! while, and no registration may fail.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_harness::{Binaries, Cluster, Node, Person, TimedOut, until};
use cameo_mutant::NEXT_ENTRY_VERSION;

use crate::kill::agreed;

/// The node's program that can be made the later one.
const NODE: &str = "cameod-mutants";
const SIZE: u64 = 3;
/// For how long a node with the older program is away: what it has told is forgotten by then.
const AWAY: Duration = Duration::from_secs(6);
const CHANGES_WITHIN: Duration = Duration::from_secs(30);

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

/// Users who register, one after another.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    registered: AtomicUsize,
}

/// Updates a cluster in `folder`.
///
/// # Errors
/// When a registration fails or is lost, the nodes differ, or the version changes too early, not at
/// all, or back.
pub async fn run(folder: &Path) -> anyhow::Result<Summary> {
    let mut binaries = Binaries::build()?;
    binaries.node.set_file_name(NODE);
    let is_built = binaries.node.is_file();
    ensure!(is_built, "there is no {}", binaries.node.display());
    let mut cluster = Cluster::start(&binaries, folder, SIZE).await?;
    let urls = cluster.urls();
    let first = &cluster.nodes[0];
    let before = until("a version", CHANGES_WITHIN, async || version(first).await).await?;
    let load = Load::default();
    let registering = register(&binaries, folder, &urls, &load);
    let updating = async {
        let updated = update(&mut cluster, before, &load).await;
        load.is_over.store(true, Ordering::Release);
        updated
    };
    let (people, after) = tokio::join!(registering, updating);
    let (people, after) = (people?, after?);
    older_program_is_refused(&mut cluster).await?;
    for person in &people {
        let found = people[0].ok(&["who", &person.name]).await?;
        let name = &person.name;
        let is_found = found["user"] == name.as_str();
        ensure!(is_found, "{name} was acknowledged and is lost: {found}");
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
    load: &Load,
) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::new();
    while !load.is_over.load(Ordering::Acquire) {
        let person = Person::new(binaries, folder, &format!("user-{}", people.len()))?;
        let line = ["init", &person.name, "--cluster", urls];
        let registered = person.ok(&line).await;
        registered.context("a registration during the update")?;
        people.push(person);
        load.registered.store(people.len(), Ordering::Release);
    }
    Ok(people)
}

/// Replaces the program of one node after the other. The version that is reached.
async fn update(cluster: &mut Cluster, before: u64, load: &Load) -> anyhow::Result<u64> {
    let last = cluster.nodes.len() - 1;
    for at in 0..last {
        replace_program(cluster, at).await?;
        stays(&cluster.nodes, before, load).await?;
    }
    // The two with the later program go on alone, so that one of them leads and writes.
    cluster.nodes[last].stop().await?;
    tokio::time::sleep(AWAY).await;
    stays(&cluster.nodes[..last], before, load).await?;
    cluster.nodes[last].start().await?;
    agreed(cluster).await?;
    stays(&cluster.nodes, before, load).await?;
    replace_program(cluster, last).await?;
    let after = before + 1;
    all_have(&cluster.nodes, after).await?;
    agreed(cluster).await?;
    Ok(after)
}

async fn replace_program(cluster: &mut Cluster, at: usize) -> anyhow::Result<()> {
    let node = &mut cluster.nodes[at];
    eprintln!("node {} gets the later program", node.id);
    node.stop().await?;
    node.environment = vec![(NEXT_ENTRY_VERSION.into(), "1".into())];
    node.start().await?;
    agreed(cluster).await.map(|_| ())
}

/// After two more registrations, of which the second was begun later, the nodes still have this
/// version.
async fn stays(nodes: &[Node], before: u64, load: &Load) -> anyhow::Result<()> {
    let wanted = load.registered.load(Ordering::Acquire) + 2;
    until("two more registrations", CHANGES_WITHIN, async || {
        (load.registered.load(Ordering::Acquire) >= wanted).then_some(())
    })
    .await?;
    for node in nodes {
        let now = until("a status", CHANGES_WITHIN, async || version(node).await).await?;
        ensure!(
            now == before,
            "node {} has version {now} while another node does not read it",
            node.id
        );
    }
    Ok(())
}

async fn all_have(nodes: &[Node], wanted: u64) -> Result<(), TimedOut> {
    until(
        "the later version at all nodes",
        CHANGES_WITHIN,
        async || {
            for node in nodes {
                if version(node).await != Some(wanted) {
                    return None;
                }
            }
            Some(())
        },
    )
    .await
}

/// A node that is killed, and given the older program, says so and ends; it goes on with the later
/// one.
async fn older_program_is_refused(cluster: &mut Cluster) -> anyhow::Result<()> {
    let node = &mut cluster.nodes[0];
    node.kill().await?;
    let environment = std::mem::take(&mut node.environment);
    node.launch()?;
    until(
        "the end of a node with an older program than its log",
        CHANGES_WITHIN,
        async || node.ended(),
    )
    .await?;
    let log = std::fs::read_to_string(node.log())?;
    ensure!(
        log.contains("this program reads up to version"),
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
