//! A command that waits: a line about it on stderr, and at Ctrl-C one result.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A command that waits for an address that takes connections and says nothing.
struct Waiting {
    _silent: TcpListener,
    _home: TempDir,
    url: String,
    cameo: Running,
    stderr: BufReader<ChildStderr>,
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for one that has ended.
        let _killed = self.0.kill();
        let _status = self.0.wait();
    }
}

fn waiting(stdout: Stdio) -> Waiting {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let fingerprint = "ab".repeat(32);
    let folder = tempfile::tempdir().unwrap();
    let cameo = Command::new(env!("CARGO_BIN_EXE_cameo"))
        .args(["--json", "init", "ada", "--cluster"])
        .arg(format!("{url}#{fingerprint}"))
        .env("CAMEO_HOME", folder.path().join("home"))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut cameo = Running(cameo);
    let stderr = BufReader::new(cameo.0.stderr.take().unwrap());
    Waiting {
        _silent: silent,
        _home: folder,
        url,
        cameo,
        stderr,
    }
}

impl Waiting {
    /// The line that says for what the command waits.
    fn told(&mut self) -> String {
        let mut lines = self.stderr.by_ref().lines().map(Result::unwrap);
        let waiting = lines.find(|line| line.starts_with("Waiting for the cluster"));
        waiting.unwrap()
    }

    fn interrupt(&self) {
        let pid = self.cameo.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.unwrap().success());
    }
}

#[test]
fn a_command_that_waits_says_so_and_at_ctrl_c_prints_one_document() {
    // given a command that gets no answer
    let mut waiting = waiting(Stdio::piped());
    // when it waits, then it says for what, and where no answer comes from
    let told = waiting.told();
    let url = &waiting.url;
    assert!(told.contains(&format!("{url}: no answer")), "{told}");
    // and at Ctrl-C it ends with one document and the code of an interruption
    waiting.interrupt();
    let mut printed = Vec::new();
    let mut stdout = waiting.cameo.0.stdout.take().unwrap();
    stdout.read_to_end(&mut printed).unwrap();
    let ended = waiting.cameo.0.wait().unwrap();
    assert_eq!(ended.code(), Some(130), "{printed:?}");
    let document: Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["error"]["code"], "interrupted");
}

#[test]
fn an_interrupted_command_whose_output_is_full_says_both_on_stderr() {
    // given a command that waits, whose output cannot be written
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut waiting = waiting(Stdio::from(full));
    waiting.told();
    // when it is interrupted
    waiting.interrupt();
    // then it keeps its code, and stderr has why nothing is printed, and the result
    let lines = waiting.stderr.by_ref().lines().map(Result::unwrap);
    let told = lines.collect::<Vec<_>>().join("\n");
    let ended = waiting.cameo.0.wait().unwrap();
    assert_eq!(ended.code(), Some(130), "{told}");
    assert!(told.contains("the output cannot be written"), "{told}");
    assert!(told.contains("cameo init: interrupted: "), "{told}");
}
