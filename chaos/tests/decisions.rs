//! `decisions` on decision logs of real nodes, and on the same logs with one change.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cameo_harness::{Binaries, Person, Process};
use futures_util::future::join_all;
use serde_json::Value;

const NODES: usize = 3;
const READY_WITHIN: Duration = Duration::from_secs(60);

struct Nodes {
    folder: PathBuf,
    running: Vec<Process>,
}

impl Nodes {
    /// A cluster whose nodes log their decisions.
    async fn start(binaries: &Binaries, folder: &Path, flags: &[&str]) -> Self {
        let secret = folder.join("secret");
        let mut make = Command::new(&binaries.node);
        let made = make.arg("secret").arg(&secret).status().unwrap();
        assert!(made.success());
        let held: Vec<_> = (0..2 * NODES)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let ports: Vec<_> = held.iter().map(|l| l.local_addr().unwrap()).collect();
        drop(held);
        let peers: Vec<_> = (1..=NODES)
            .map(|id| format!("{id}={}", ports[id - 1]))
            .collect();
        let starts = (1..=NODES).map(|id| {
            let mut command = tokio::process::Command::new(&binaries.node);
            command
                .args(["--id", &id.to_string(), "--peers", &peers.join(",")])
                .args(["--http", &ports[NODES + id - 1].to_string()])
                .arg("--data")
                .arg(folder.join(format!("node-{id}")))
                .arg("--secret")
                .arg(&secret)
                .arg("--decisions")
                .arg(log(folder, id))
                .args(flags);
            let name = format!("node {id}");
            let log = folder.join(format!("node-{id}.log"));
            async move { Process::start(&name, command, &log, READY_WITHIN).await }
        });
        let running = join_all(starts).await;
        Self {
            folder: folder.to_path_buf(),
            running: running.into_iter().collect::<Result<_, _>>().unwrap(),
        }
    }

    fn urls(&self) -> String {
        let urls = self.running.iter().map(|node| node.ready.trim());
        urls.collect::<Vec<_>>().join(",")
    }

    async fn stop(self) -> Vec<PathBuf> {
        for node in self.running {
            node.stop().await.unwrap();
        }
        (1..=NODES).map(|id| log(&self.folder, id)).collect()
    }
}

fn log(folder: &Path, id: usize) -> PathBuf {
    folder.join(format!("decisions-{id}.jsonl"))
}

/// Two photos go from Ada to Ben, each hidden by a worker.
async fn share_two(binaries: &Binaries, folder: &Path, urls: &str) {
    let mut people = Vec::new();
    for name in ["ada", "ben"] {
        let mut person = Person::new(binaries, folder, name).unwrap();
        person.ok(&["init", name, "--cluster", urls]).await.unwrap();
        person.start_agent().await.unwrap();
        people.push(person);
    }
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../photos");
    for photo in [
        "Picture_1A_by_freespace.jpg",
        "sunset_by_Aitzol_Berasategi.jpg",
    ] {
        let path = photos.join(photo).display().to_string();
        let added = people[0].ok(&["add", &path, "--policy", "open"]).await;
        let image = added.unwrap()["images"][0]["image"].clone();
        let asked = ["request", "ada", image.as_str().unwrap()];
        people[1].ok(&asked).await.unwrap();
    }
}

/// Whether the check passed, and its document.
fn check(logs: &[PathBuf]) -> (bool, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-chaos"))
        .args(["decisions", "--json"])
        .args(logs)
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["ok"], output.status.success());
    (output.status.success(), document)
}

#[tokio::test]
async fn decisions_of_real_nodes_pass_and_a_changed_one_does_not() {
    // given
    let folder = tempfile::tempdir().unwrap();
    let binaries = Binaries::locate().unwrap();
    let nodes = Nodes::start(&binaries, folder.path(), &[]).await;
    share_two(&binaries, folder.path(), &nodes.urls()).await;
    let logs = nodes.stop().await;
    // when, then
    let (passed, document) = check(&logs);
    assert!(passed, "{document}");
    assert!(document["decisions"].as_u64().unwrap() >= 2, "{document}");
    assert!(!document["by_worker"].as_object().unwrap().is_empty());
    assert!(document["on_leader"].is_u64());

    // given a decision that was changed afterwards
    let longest = logs
        .iter()
        .max_by_key(|log| std::fs::metadata(log).unwrap().len());
    let longest = longest.unwrap();
    let text = std::fs::read_to_string(longest).unwrap();
    std::fs::write(
        longest,
        text.replacen("\"draining\":false", "\"draining\":true", 3),
    )
    .unwrap();
    // then
    let (passed, document) = check(&logs);
    assert!(!passed, "{document}");
    let violation = &document["violations"][0];
    assert_eq!(violation["file"], longest.display().to_string());
    assert_eq!(violation["line"], 1);
}

#[tokio::test]
async fn lines_of_a_baseline_are_named_and_the_node_warns_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = Binaries::locate().unwrap();
    let flags = ["--placement", "round-robin", "--reports-every-ms", "200"];
    let nodes = Nodes::start(&binaries, folder.path(), &flags).await;
    share_two(&binaries, folder.path(), &nodes.urls()).await;
    let logs = nodes.stop().await;
    let (passed, document) = check(&logs);
    assert!(passed, "{document}");
    assert_eq!(document["not_judged"][0]["policy"], "round-robin");
    let log = std::fs::read_to_string(folder.path().join("node-1.log")).unwrap();
    assert!(log.contains("FOR MEASURING ONLY"), "{log}");
}
