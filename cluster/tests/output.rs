//! Output of `cameod` that cannot be written, and errors as documents.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cameo_harness::free_ports;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");
/// The address of no node, with a fingerprint.
const NOWHERE: &str =
    "https://127.0.0.1:1#abababababababababababababababababababababababababababababababab";

fn run(words: &[&str], stdout: Stdio) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(words).stdout(stdout).stderr(Stdio::piped());
    let ran = command
        .spawn()
        .and_then(std::process::Child::wait_with_output);
    ran.expect("it runs")
}

/// Its exit code and stderr, with a stdout on a full disk.
fn unwritten(words: &[&str]) -> (Option<i32>, String) {
    let full = File::options().write(true).open("/dev/full");
    let ran = run(words, full.expect("it is there").into());
    (
        ran.status.code(),
        String::from_utf8_lossy(&ran.stderr).into_owned(),
    )
}

/// The folder of a node that has stored nothing yet.
fn empty(folder: &Path) -> String {
    fs::write(folder.join("FORMAT"), "cameo-data 5\n").expect("written");
    folder.display().to_string()
}

#[test]
fn given_a_stdout_that_cannot_be_written_when_a_command_ends_then_it_says_so_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = empty(folder.path());
    assert_eq!(run(&["check", &data], Stdio::null()).status.code(), Some(0));
    let status = ["status", "--json", "--cluster", NOWHERE];
    let cases: [(&[&str], i32); 5] = [
        (&["check", &data], 1),
        (&["check", &data, "--json"], 1),
        (&status, 7),
        (&["check", "nowhere", "--json"], 2),
        (&["--help"], 1),
    ];
    for (words, expected) in cases {
        let (code, told) = unwritten(words);
        assert_eq!(code, Some(expected), "{words:?}: {told}");
        assert!(told.contains("cannot be written"), "{words:?}: {told}");
    }
}

#[test]
fn given_a_reader_that_has_gone_when_a_command_ends_then_that_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = empty(folder.path());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ran = run(&["check", &data], writer.into());
    assert_eq!(ran.status.code(), Some(0));
}

#[test]
fn given_json_when_the_command_line_is_wrong_then_stdout_has_one_document() {
    for words in [
        &["status", "--json"][..],
        &["status", "--json", "--cluster", "nonsense"],
        &["check", "--json"],
        &["backup", "--json"],
    ] {
        let ran = run(words, Stdio::piped());
        assert_eq!(ran.status.code(), Some(2), "{words:?}");
        let document: Value = serde_json::from_slice(&ran.stdout).expect("one document");
        assert_eq!(document["schema"], 1);
        let error = document["error"].as_str().expect("a sentence");
        assert!(error.ends_with("see `cameod --help`"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn given_names_that_are_not_utf_8_then_a_command_answers_with_its_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join(OsStr::from_bytes(b"data\xff"));
    fs::create_dir(&data).expect("a folder");
    empty(&data);
    let file = folder.path().join(OsStr::from_bytes(b"backup\xff"));
    fs::write(&file, "cameobak, and no more").expect("written");
    for (path, key, name) in [
        (&data, "folder", "data\u{fffd}"),
        (&file, "file", "backup\u{fffd}"),
    ] {
        let mut command = Command::new(PROGRAM);
        let ran = command.arg("check").arg(path).arg("--json").output();
        let ran = ran.expect("it runs");
        let document = serde_json::from_slice::<Value>(&ran.stdout).expect("a document");
        let told = document[key].as_str().expect("text");
        assert!(told.ends_with(name), "{document}");
    }
    let mut backup = Command::new(PROGRAM);
    backup.arg("backup").arg(&file).args(["--cluster", NOWHERE]);
    let ran = backup.arg("--operator").arg(&file).output();
    let ran = ran.expect("it runs");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(ran.stdout, b"");
}

#[test]
fn attack_a_file_s_name_adds_no_line_to_what_a_check_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = empty(folder.path());
    fs::write(folder.path().join("x\n\x1b[2Jdata is whole"), "").expect("written");
    let ran = run(&["check", &data], Stdio::piped());
    let text = String::from_utf8(ran.stdout).expect("text");
    assert!(text.contains("x\\u000a\\u001b[2Jdata is whole"), "{text}");
    assert!(
        !text.contains('\x1b') && !text.contains("\ndata is whole"),
        "{text}"
    );
}

/// A node of one, ready, whose stderr goes there.
fn node(folder: &Path, stderr: Stdio) -> (Child, String) {
    let [link, http] = *free_ports(2).expect("free ports") else {
        panic!("two ports");
    };
    let secret = folder.join("secret");
    let made = Command::new(PROGRAM).arg("secret").arg(&secret).output();
    assert!(made.expect("it runs").status.success());
    let mut child = Command::new(PROGRAM)
        .args(["--id", "1", "--data"])
        .arg(folder.join("data"))
        .arg("--secret")
        .arg(secret)
        .args(["--http", &format!("127.0.0.1:{http}")])
        .args(["--peers", &format!("1=127.0.0.1:{link}")])
        // More lines in a second than a pipe holds.
        .env("CAMEO_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .expect("it runs");
    let mut url = String::new();
    let stdout = child.stdout.take().expect("its stdout");
    BufReader::new(stdout).read_line(&mut url).expect("its URL");
    (child, url)
}

#[test]
fn given_a_log_that_nobody_reads_or_that_cannot_be_written_then_a_node_serves_and_stops() {
    let full = || {
        Stdio::from(
            File::options()
                .write(true)
                .open("/dev/full")
                .expect("there"),
        )
    };
    for (name, stderr) in [("a pipe", Stdio::piped()), ("a full disk", full())] {
        let folder = tempfile::tempdir().expect("a folder");
        // given a node whose log is not read, or cannot be written
        let (mut child, url) = node(folder.path(), stderr);
        assert!(url.starts_with("https://127.0.0.1:"), "{name}: {url}");
        // when it is asked to stop, then it does, in order
        let process = Pid::from_child(&child);
        kill_process(process, Signal::TERM).expect("sent");
        let end = Instant::now() + Duration::from_secs(30);
        let status = loop {
            match child.try_wait().expect("a child") {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill().expect("killed");
                    panic!("with {name} as its log the node does not stop");
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert_eq!(status.code(), Some(0), "{name}");
    }
}
