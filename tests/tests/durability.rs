//! Law R3, from outside: a write is on a majority's disks before it is acknowledged.
//!
//! The test reads the system calls of every node (`strace`): the times when syncs of the log
//! returned. It is the client itself, and takes the time when the answer arrives. Each sync is
//! delayed, so that an answer that does not wait for it arrives first.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use cameo_common::api::{AUTHORIZATION_HEADER, Register, paths};
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, Millis, RequestId};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use cameo_harness::{Node, until};
use cameo_tests::{Outcome, SETTLES_WITHIN, World};
use cameo_tls::{API_ALPN, Expected};
use data_encoding::BASE64URL_NOPAD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;

/// The answer to a first registration.
const CREATED: &str = r#""created":true"#;

/// One node under strace, a file for each of its threads.
struct Watched {
    strace: Child,
    folder: PathBuf,
}

async fn watch(node: &Node, folder: &Path) -> anyhow::Result<Watched> {
    let folder = folder.join(format!("strace-{}", node.id));
    std::fs::create_dir(&folder)?;
    let id = node
        .process()
        .and_then(cameo_harness::Process::id)
        .context("the node runs")?;
    let strace = Command::new("strace")
        .args(["-ff", "-ttt", "-T", "-y", "-s", "600"])
        .args(["-e", "trace=fdatasync,sendto,write,writev"])
        .args(["-e", "inject=fdatasync:delay_enter=100000"])
        .arg("-o")
        .arg(folder.join("thread"))
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
    Ok(Watched { strace, folder })
}

/// One system call by strace: its begin and its return.
struct Call {
    text: String,
    began: f64,
    returned: f64,
}

fn call(line: &str) -> Option<Call> {
    let (began, text) = line.split_once(' ')?;
    let began: f64 = began.parse().ok()?;
    // ` = 0 <0.100123>`; a call that has not returned has no duration and does not count.
    let lasted: f64 = text
        .trim_end()
        .strip_suffix('>')?
        .rsplit_once('<')?
        .1
        .parse()
        .ok()?;
    Some(Call {
        text: text.to_owned(),
        began,
        returned: began + lasted,
    })
}

/// All calls that strace has written to a folder.
fn calls_in(folder: &Path) -> anyhow::Result<Vec<Call>> {
    let mut calls = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(file?.path())?;
        calls.extend(text.lines().filter_map(call));
    }
    Ok(calls)
}

fn is_sync_of_log(call: &Call) -> bool {
    call.text.starts_with("fdatasync(") && call.text.contains("/wal/")
}

impl Watched {
    fn calls(&self) -> anyhow::Result<Vec<Call>> {
        calls_in(&self.folder)
    }

    /// Whether a sync of the log began and returned between two times.
    fn synced(&self, from: f64, to: f64) -> anyhow::Result<bool> {
        Ok(self
            .calls()?
            .iter()
            .any(|call| is_sync_of_log(call) && call.began > from && call.returned < to))
    }
}

fn seconds_now() -> anyhow::Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

/// Head and body of a registration of `ada`.
fn registration(cluster: ClusterId, device: &SigningKey) -> anyhow::Result<Vec<u8>> {
    let key = SigningKey::from_seed([1; 32]);
    let now = Millis::from(SystemTime::now());
    let card = UserCard {
        name: "ada".parse()?,
        key: key.public(),
        sealing: SealingSecret::from_bytes([2; 32]).public(),
        sequence: 1,
    };
    let certificate = DeviceCertificate {
        user: key.public(),
        device: device.public(),
        sequence: 1,
        not_after: now.plus(Duration::from_secs(86_400)),
    };
    let register = Register {
        card: Signed::new(&key, card),
        certificate: Signed::new(&key, certificate),
        invite: None,
    };
    let authorization = Authorization {
        device: device.public(),
        cluster,
        request: RequestId([4; 16]),
        not_after: now.plus(Duration::from_secs(60)),
        op: Op::from(&register).hash(),
    };
    let proof = BASE64URL_NOPAD.encode(Signed::new(device, authorization).as_bytes());
    let body = serde_json::to_vec(&register)?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n{AUTHORIZATION_HEADER}: \
         {proof}\r\ncontent-length: {}\r\n\r\n",
        paths::USERS,
        body.len()
    );
    Ok([head.into_bytes(), body].concat())
}

/// Registers `ada` at a node. Returns the times before it was asked and after it has answered.
async fn register(node: &Node, cluster: ClusterId) -> anyhow::Result<(f64, f64)> {
    let device = Arc::new(SigningKey::from_seed([3; 32]));
    let request = registration(cluster, &device)?;
    let tls = cameo_tls::client(device, Expected::Any, API_ALPN)?;
    let stream = TcpStream::connect(&node.http).await?;
    let name = "127.0.0.1".try_into()?;
    let mut stream = TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await?;
    let asked = seconds_now()?;
    stream.write_all(&request).await?;
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(CREATED) {
        let read = stream.read_buf(&mut answer).await?;
        anyhow::ensure!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    Ok((asked, seconds_now()?))
}

/// Whether this machine has strace. Says that a test is skipped where it has not.
async fn has_strace() -> bool {
    let version = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .await;
    if version.is_err() {
        eprintln!("skipped: durability (strace is not installed)");
    }
    version.is_ok()
}

#[tokio::test]
async fn an_acknowledged_write_follows_a_sync_of_the_log_on_a_majority() -> Outcome {
    if !has_strace().await {
        return Ok(());
    }
    let world = World::new(3).await?;
    let mut watched = Vec::new();
    for node in &world.cluster.nodes {
        watched.push(watch(node, world.folder()).await?);
    }
    let node = world.cluster.nodes.first().context("a first node")?;
    let urls = world.cluster.urls();
    let (_, fingerprint) = urls.rsplit_once('#').context("a fingerprint")?;
    let (asked, answered) = register(node, fingerprint.parse()?).await?;
    for node in &mut watched {
        node.strace.kill().await?;
    }

    let mut synced = 0;
    for node in &watched {
        synced += usize::from(node.synced(asked, answered)?);
    }
    assert!(
        synced >= 2,
        "acknowledged with the log synced on {synced} of 3 nodes"
    );
    Ok(())
}

#[tokio::test]
async fn a_killed_node_syncs_its_log_before_others_hear_of_it() -> Outcome {
    if !has_strace().await {
        return Ok(());
    }
    let mut world = World::new(3).await?;
    world.registered("ada").await?;
    let calls = world.folder().join("strace");
    std::fs::create_dir(&calls)?;
    let node = world.cluster.node_mut(1).context("node 1")?;
    // What it wrote without a sync is there for its next process, and gone with the power.
    node.kill().await?;
    // As a child of the node, strace leaves its signals alone.
    let strace = ["strace", "-D", "-ff", "-ttt", "-T", "-y"];
    let shown = ["-e", "trace=fdatasync,listen", "-o"];
    node.wrapper = strace.into_iter().chain(shown).map(Into::into).collect();
    node.wrapper.push(calls.join("thread").into());
    node.start().await?;
    world.cluster.caught_up().await?;

    let calls = calls_in(&calls)?;
    let listens = calls.iter().filter(|call| call.text.starts_with("listen("));
    let heard = listens.map(|call| call.began).reduce(f64::min);
    let heard = heard.context("it was not seen to listen")?;
    let mut syncs = calls.iter().filter(|call| is_sync_of_log(call));
    assert!(
        syncs.any(|call| call.returned < heard),
        "it listened before it had synced its log"
    );
    Ok(())
}
