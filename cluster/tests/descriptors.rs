//! Nodes under a limit of file descriptors.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");

/// A node alone, started by a shell that sets its limit first.
fn start(folder: &Path, limit: &str) -> Child {
    let secret = folder.join("secret");
    let made = Command::new(PROGRAM).arg("secret").arg(&secret).output();
    assert!(made.expect("it runs").status.success());
    Command::new("sh")
        .args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")])
        .arg(PROGRAM)
        .args(["--id", "1", "--peers", "1=127.0.0.1:0"])
        .args(["--http", "127.0.0.1:0", "--secret"])
        .arg(&secret)
        .arg("--data")
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn attack_a_node_with_too_few_descriptors_to_keep_some_for_its_files_does_not_start() {
    let folder = folder();
    let node = start(folder.path(), "-n 300");
    let ended = node.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.contains("may open 300 files at once, and a node needs 864"),
        "{said}"
    );
    // and it has not touched its folder
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_node_raises_its_soft_limit_and_says_when_it_takes_fewer_clients() {
    let folder = folder();
    let mut node = start(folder.path(), "-Sn 256; ulimit -Hn 1024");
    let mut first = String::new();
    let stdout = node.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut first).expect("read");
    assert!(first.starts_with("https://"), "{first:?}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.id())).expect("read");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().nth(3));
    let asked = Command::new("kill").arg(node.id().to_string()).status();
    assert!(asked.expect("it runs").success());
    let ended = node.wait_with_output().expect("it ends");
    assert_eq!(soft, Some("1024"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("192 client connections and not 12000"),
        "{said}"
    );
}
