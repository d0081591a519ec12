//! A command that waits: a line about it on stderr, and at Ctrl-C one result.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn a_command_that_waits_says_so_and_at_ctrl_c_prints_one_document() {
    // given an address that takes connections and says nothing
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let fingerprint = "ab".repeat(32);
    let folder = tempfile::tempdir().unwrap();
    let mut cameo = Command::new(env!("CARGO_BIN_EXE_cameo"))
        .args(["--json", "init", "ada", "--cluster"])
        .arg(format!("{url}#{fingerprint}"))
        .env("CAMEO_HOME", folder.path().join("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // when it waits, then it says for what, and where no answer comes from
    let lines = BufReader::new(cameo.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let waiting = lines.find(|line| line.starts_with("Waiting for the cluster"));
    let waiting = waiting.unwrap();
    assert!(waiting.contains(&format!("{url}: no answer")), "{waiting}");
    // and at Ctrl-C it ends with one document and the code of an interruption
    let pid = cameo.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status();
    assert!(interrupted.unwrap().success());
    let ended = cameo.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["error"]["code"], "interrupted");
}
