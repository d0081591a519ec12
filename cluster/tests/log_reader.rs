//! A node whose stderr nobody reads any more.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// A node alone, with a log on which its every message is written to a closed pipe.
#[test]
fn given_that_nobody_reads_its_log_when_a_node_starts_and_stops_then_it_does_so_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    let program = env!("CARGO_BIN_EXE_cameod");
    let (reader, log) = std::io::pipe().expect("a pipe");
    drop(reader);
    let made = Command::new(program)
        .arg("secret")
        .arg(&secret)
        .stderr(log.try_clone().expect("a pipe"))
        .status()
        .expect("it runs");
    assert!(made.success(), "{made}");

    let mut node = Command::new(program)
        .args([
            "--id",
            "1",
            "--peers",
            "1=127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
        ])
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("--secret")
        .arg(&secret)
        .env("CAMEO_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("it runs");
    let mut first = String::new();
    let stdout = node.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut first).expect("read");
    let id = node.id().to_string();
    let asked = Command::new("kill").arg(&id).status().expect("it runs");
    let ended = node.wait().expect("it ends");
    assert!(first.starts_with("https://"), "{first:?}: {ended}");
    assert!(asked.success());
    assert!(ended.success(), "{ended}");
}
