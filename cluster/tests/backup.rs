//! `cameod backup` and `cameod status` on real nodes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use cameo_harness::{Binaries, Cluster};
use serde_json::Value;
use tokio::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");

async fn run(words: &[&str]) -> Output {
    let ran = Command::new(PROGRAM).args(words).output().await;
    ran.expect("it runs")
}

/// The one JSON document on stdout, and the exit code.
fn told(ran: &Output) -> (Value, Option<i32>) {
    let document = serde_json::from_slice(&ran.stdout);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    (document.expect(&said), ran.status.code())
}

struct World {
    cluster: Cluster,
    folder: PathBuf,
    urls: String,
}

impl World {
    /// Three nodes far from their first fixed index.
    async fn start(folder: &Path) -> Self {
        let binaries = Binaries {
            node: PROGRAM.into(),
            client: PROGRAM.into(),
        };
        let cluster = Cluster::start(&binaries, folder, 3).await;
        let cluster = cluster.expect("it starts");
        cluster.caught_up().await.expect("in time");
        Self {
            urls: cluster.urls(),
            cluster,
            folder: folder.to_owned(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    async fn backup(&self, name: &str, key: &str) -> Output {
        let (file, key) = (self.path(name), self.path(key));
        let words = ["backup", &file, "--json", "--operator", &key, "--cluster"];
        run(&[&words[..], &[&self.urls]].concat()).await
    }

    async fn check(&self, name: &str) -> (Value, Option<i32>) {
        told(&run(&["check", &self.path(name), "--json"]).await)
    }

    async fn status(&self) -> (Value, Option<i32>) {
        told(&run(&["status", "--cluster", &self.urls, "--json"]).await)
    }
}

/// The part of the nodes' URLs that names the cluster.
fn fingerprint(urls: &str) -> &str {
    urls.rsplit_once('#').expect("a fingerprint").1
}

const KEY: &str = "cluster.secret.operator";

#[tokio::test(flavor = "multi_thread")]
async fn given_running_nodes_when_a_backup_is_taken_then_it_is_new_signed_private_and_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::start(folder.path()).await;

    // given a cluster without any snapshot
    let committed = world.cluster.caught_up().await.expect("in time");
    let (first, code) = told(&world.backup("one.backup", KEY).await);
    assert_eq!(
        (code, &first["verdict"]),
        (Some(0), &"whole".into()),
        "{first}"
    );
    assert!(first["index"].as_u64() >= Some(committed), "{first}");
    let mode = fs::metadata(folder.path().join("one.backup")).expect("it is there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert_eq!(world.check("one.backup").await.0["index"], first["index"]);

    // when more is written, then a later backup has it, also while one node is down
    world
        .cluster
        .order(&["registration", "closed"])
        .await
        .expect("done");
    world.cluster.nodes[2].stop().await.expect("it stops");
    let (second, code) = told(&world.backup("two.backup", KEY).await);
    assert_eq!(code, Some(0), "{second}");
    assert!(
        second["index"].as_u64() > first["index"].as_u64(),
        "{second}"
    );

    // then no file is written over, and none is left after a failure
    let (again, code) = told(&world.backup("two.backup", KEY).await);
    assert_eq!(code, Some(2), "{again}");
    world.cluster.nodes[1].stop().await.expect("it stops");
    let (alone, code) = told(&world.backup("three.backup", KEY).await);
    assert_eq!(code, Some(7), "{alone}");
    assert!(!folder.path().join("three.backup").exists());
    assert!(!folder.path().join("three.backup.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_another_key_than_the_operators_gets_no_backup() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::start(folder.path()).await;
    let made = run(&["secret", &world.path("other")]).await;
    assert!(made.status.success());
    let (refused, code) = told(&world.backup("stolen.backup", "other.operator").await);
    assert_eq!(code, Some(4), "{refused}");
    assert!(!folder.path().join("stolen.backup").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_backup_with_any_byte_changed_or_cut_off_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::start(folder.path()).await;
    let (taken, code) = told(&world.backup("good.backup", KEY).await);
    assert_eq!(code, Some(0), "{taken}");
    let good = fs::read(folder.path().join("good.backup")).expect("it is there");
    let bad = folder.path().join("bad.backup");
    // Magic and version have a sentence of their own.
    for at in (9..good.len()).step_by(good.len() / 24) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&bad, bytes).expect("written");
        let (told, code) = world.check("bad.backup").await;
        assert_eq!(code, Some(1), "byte {at}: {told}");
        assert_eq!(told["verdict"], "damaged", "byte {at}: {told}");
    }
    for length in [good.len() - 1, 9] {
        fs::write(&bad, &good[..length]).expect("written");
        let (told, code) = world.check("bad.backup").await;
        assert_eq!((code, &told["verdict"]), (Some(1), &"damaged".into()));
    }
    let mut newer = good.clone();
    newer[8] = 3;
    fs::write(&bad, newer).expect("written");
    let (told, code) = world.check("bad.backup").await;
    assert_eq!((code, &told["verdict"]), (Some(2), &"newer".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_nodes_that_run_or_not_when_the_status_is_asked_then_it_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::start(folder.path()).await;
    let leader = world.cluster.leader().await.expect("one leads");
    let (status, code) = world.status().await;
    assert_eq!(code, Some(0), "{status}");
    assert_eq!(status["leader"], leader.0);
    for node in status["nodes"].as_array().expect("nodes") {
        let disk = &node["disk"];
        assert!(disk["free"].as_u64() > Some(0), "{node}");
        assert!(disk["size"].as_u64() >= disk["free"].as_u64(), "{node}");
        assert!(disk["reserve"].as_u64() > Some(0), "{node}");
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    }
    // when a follower is down
    let down = world
        .cluster
        .nodes
        .iter()
        .position(|node| node.id != leader);
    let down = down.expect("a follower");
    let id = world.cluster.nodes[down].id;
    world.cluster.nodes[down].stop().await.expect("it stops");
    let (status, code) = world.status().await;
    assert_eq!(code, Some(1), "{status}");
    let problem = status["problems"][0].as_str().expect("a sentence");
    assert!(problem.contains(&format!("node {id}")), "{status}");
    // when the URL of that node alone is given, then nothing is said of the others
    let url = format!(
        "https://{}#{}",
        world.cluster.nodes[down].http,
        fingerprint(&world.urls)
    );
    let (status, code) = told(&run(&["status", "--cluster", &url, "--json"]).await);
    let error = status["error"].as_str().expect("a sentence");
    assert_eq!(code, Some(7), "{status}");
    assert!(
        error.starts_with("no node answers at the URLs that were given"),
        "{error}"
    );
    // when all are, then none answers
    for node in &mut world.cluster.nodes {
        node.stop().await.expect("it stops");
    }
    assert_eq!(world.status().await.1, Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_an_invite_whose_words_nobody_gets_then_it_is_told_that_another_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::start(folder.path()).await;
    let key = world.path(KEY);
    let words = ["invite", "--operator", &key, "--cluster", &world.urls];
    // given a full disk, and a reader that has gone
    let full = fs::File::options().write(true).open("/dev/full");
    let (reader, gone) = std::io::pipe().expect("a pipe");
    drop(reader);
    for stdout in [full.expect("it is there").into(), Stdio::from(gone)] {
        let mut command = Command::new(PROGRAM);
        let command = command.args(words).stdout(stdout).stderr(Stdio::piped());
        let ran = command.spawn().expect("it runs").wait_with_output();
        let ran = ran.await.expect("it ends");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("create another one"), "{said}");
    }
}
