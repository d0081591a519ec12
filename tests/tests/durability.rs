//! Law R3, from outside: an acknowledged write is on a majority's disks before it is acknowledged.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use cameo_processes::{Node, until};
use cameo_tests::{SETTLES_WITHIN, World};
use tokio::process::{Child, Command};

/// One node's sync calls, as the kernel sees them.
struct Watched {
    strace: Child,
    file: PathBuf,
}

async fn watch(node: &Node, folder: &Path) -> anyhow::Result<Watched> {
    let file = folder.join(format!("strace-{}.txt", node.id));
    let id = node
        .process()
        .and_then(cameo_processes::Process::id)
        .context("the node runs")?;
    let strace = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,fsync", "-o"])
        .arg(&file)
        .args(["-p", &id.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let attached = async || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))?
            .trim()
            .to_owned();
        (tracer != "0").then_some(())
    };
    until("strace to attach", SETTLES_WITHIN, attached).await?;
    Ok(Watched { strace, file })
}

impl Watched {
    /// Syncs of the log that have returned without an error.
    fn syncs(&self) -> usize {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let of_log = |line: &&str| line.contains("sync(") && line.contains("/wal/");
        // A call that another thread interrupts is told in two lines; the first names the file.
        text.lines().filter(of_log).count()
    }
}

#[tokio::test]
async fn an_acknowledged_write_follows_a_sync_of_the_log_on_a_majority() -> anyhow::Result<()> {
    if Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .await
        .is_err()
    {
        eprintln!("skipped by name: durability (there is no strace here)");
        return Ok(());
    }
    let world = World::new(3).await?;
    let mut watched = Vec::new();
    for node in &world.cluster.nodes {
        watched.push(watch(node, world.folder()).await?);
    }
    for name in ["ada", "ben", "cas"] {
        // Given a cluster at rest: no sync of the log that is still to come from something earlier.
        let before = at_rest(&watched).await?;
        // When a write is acknowledged,
        world.registered(name).await?;
        // then a majority has synced its log meanwhile.
        let synced = watched
            .iter()
            .zip(&before)
            .filter(|(node, before)| node.syncs() > **before)
            .count();
        assert!(
            synced >= 2,
            "{name}: acknowledged with the log synced on {synced} of 3 nodes"
        );
    }
    for node in &mut watched {
        node.strace.kill().await?;
    }
    Ok(())
}

/// Counts of syncs that have not grown for a second.
async fn at_rest(watched: &[Watched]) -> anyhow::Result<Vec<usize>> {
    let count = || watched.iter().map(Watched::syncs).collect::<Vec<_>>();
    let mut last = (count(), std::time::Instant::now());
    let settled = async || {
        let now = count();
        if now != last.0 {
            last = (now, std::time::Instant::now());
        }
        (last.1.elapsed() > Duration::from_secs(1)).then(|| last.0.clone())
    };
    Ok(until("the logs to come to rest", SETTLES_WITHIN, settled).await?)
}
