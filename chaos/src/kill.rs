//! Faults on real nodes while users register.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_common::ids::NodeId;
use cameo_harness::{Binaries, Cluster, Person, until};

use crate::schedule::{Fault, Target, plan};

const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Debug, serde::Serialize)]
pub struct Summary {
    pub schema: u32,
    pub seed: u64,
    pub rounds: usize,
    /// Users whose registration was acknowledged; all of them are found at the end.
    pub registered: usize,
    pub applied: u64,
}

/// Starts `nodes` nodes in `folder` and runs `rounds` rounds.
///
/// # Errors
/// When a promise does not hold; the message names the round.
pub async fn run(folder: &Path, nodes: u64, rounds: usize, seed: u64) -> anyhow::Result<Summary> {
    let binaries = Binaries::build()?;
    let mut cluster = Cluster::start(&binaries, folder, nodes).await?;
    let urls = cluster.urls();
    let mut people = Vec::new();
    for (round, (fault, target)) in plan(seed, rounds, cluster.nodes.len())
        .into_iter()
        .enumerate()
    {
        eprintln!("round {}: {fault:?} {target:?}", round + 1);
        let target = pick(&cluster, target).await?;
        let person = Person::new(&binaries, folder, &format!("user-{round}"))?;
        let name = person.name.clone();
        let register = ["init", &name, "--cluster", &urls];
        let injected = inject(&mut cluster, target, fault);
        let (injected, registered) = tokio::join!(injected, person.ok(&register));
        injected.with_context(|| format!("round {}", round + 1))?;
        registered.with_context(|| format!("round {}", round + 1))?;
        people.push(person);
        heal(&mut cluster, target, fault)
            .await
            .with_context(|| format!("round {}", round + 1))?;
    }
    let applied = agreed(&cluster).await?;
    for person in &people {
        let found = people[0].ok(&["who", &person.name]).await?;
        ensure!(
            found["user"] == person.name.as_str(),
            "{} was acknowledged and is lost: {found}",
            person.name
        );
    }
    for node in &mut cluster.nodes {
        node.stop().await?;
    }
    Ok(Summary {
        schema: 1,
        seed,
        rounds,
        registered: people.len(),
        applied,
    })
}

async fn pick(cluster: &Cluster, target: Target) -> anyhow::Result<NodeId> {
    let leader = cluster.leader().await?;
    let followers: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.id)
        .filter(|id| *id != leader)
        .collect();
    Ok(match target {
        Target::Leader => leader,
        Target::Follower(at) => *followers.get(at).unwrap_or(&leader),
    })
}

pub(crate) async fn inject(cluster: &mut Cluster, id: NodeId, fault: Fault) -> anyhow::Result<()> {
    let node = cluster
        .node_mut(id)
        .context("the plan names existing nodes")?;
    match fault {
        Fault::Kill => node.kill().await?,
        Fault::Stop => node.stop().await?,
        Fault::Pause => node.process().context("a paused node runs")?.pause()?,
    }
    Ok(())
}

pub(crate) async fn heal(cluster: &mut Cluster, id: NodeId, fault: Fault) -> anyhow::Result<()> {
    let node = cluster
        .node_mut(id)
        .context("the plan names existing nodes")?;
    match fault {
        Fault::Kill | Fault::Stop => node.start().await?,
        Fault::Pause => node.process().context("a paused node runs")?.resume()?,
    }
    agreed(cluster).await.map(|_| ())
}

/// One leader, everything committed applied everywhere, one state at one index.
pub(crate) async fn agreed(cluster: &Cluster) -> anyhow::Result<u64> {
    cluster.leader().await?;
    let applied = cluster.caught_up().await?;
    let states = until("all nodes at one index", SETTLES_WITHIN, || {
        at_one_index(cluster)
    })
    .await?;
    ensure!(
        states.windows(2).all(|pair| pair[0] == pair[1]),
        "law D3: nodes at one index differ in state: {states:?}"
    );
    Ok(applied)
}

async fn at_one_index(cluster: &Cluster) -> Option<Vec<String>> {
    let mut hashes = Vec::new();
    let mut index = None;
    for node in &cluster.nodes {
        let answer = node.get("/v1/state-hash").await?;
        let applied = answer["applied"].as_u64()?;
        if *index.get_or_insert(applied) != applied {
            return None;
        }
        hashes.push(answer["hash"].as_str()?.to_owned());
    }
    Some(hashes)
}
