//! A node that is run from a configuration file, with its log in JSON, and reads the file again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");

/// A folder with a secret, and the file of a node alone.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = folder.path().join("secret");
        let made = Command::new(PROGRAM).arg("secret").arg(&secret).output();
        assert!(made.expect("it runs").status.success());
        let place = Self { folder };
        place.write(lines);
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("node.toml")
    }

    fn write(&self, lines: &str) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let (data, secret) = (at("data"), at("secret"));
        let text = format!(
            "version = 1\nid = 1\ndata = '{data}'\nsecret = '{secret}'\n\
             peers = ['1=127.0.0.1:0']\nhttp = '127.0.0.1:0'\n{lines}"
        );
        std::fs::write(self.file(), text).expect("written");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--config")
            .arg(self.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// A node that is part of its cluster, and does not outlive its test. Its log is read all the time:
/// a full pipe would stop it.
struct Running {
    node: Child,
    log: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut node = command.spawn().expect("it runs");
        let log = log_of(&mut node);
        let mut ready = String::new();
        let stdout = node.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("read");
        if !ready.starts_with("https://") {
            let told: Vec<_> = log.iter().collect();
            panic!("it did not start: {told:?}");
        }
        Self { node, log }
    }

    fn signal(&self, name: &str) {
        let asked = Command::new("kill")
            .args(["-s", name, &self.node.id().to_string()])
            .status();
        assert!(asked.expect("it runs").success());
    }

    /// The lines up to the first with this text.
    fn lines_until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for line in &self.log {
            let is_last = line.contains(text);
            lines.push(line);
            if is_last {
                return lines;
            }
        }
        panic!("the log ended without `{text}`: {lines:?}");
    }

    /// Stops it in order. Returns the rest of the log.
    fn stop(mut self) -> String {
        self.signal("TERM");
        let rest = self.log.iter().collect::<Vec<_>>().join("\n");
        let ended = self.node.wait().expect("it ends");
        assert!(ended.success(), "{ended}: {rest}");
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for one that has ended.
        let _killed = self.node.kill();
        let _status = self.node.wait();
    }
}

/// The lines on a program's stderr, read by a thread of its own.
fn log_of(node: &mut Child) -> Receiver<String> {
    let stderr = node.stderr.take().expect("piped");
    let (lines, log) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            if lines.send(line.expect("text")).is_err() {
                return;
            }
        }
    });
    log
}

/// The object of a line, which has the fields that the manual names.
fn object(line: &str) -> Value {
    let read: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    for field in ["timestamp", "level", "target"] {
        assert!(read[field].is_string(), "{line}");
    }
    assert!(read["fields"]["message"].is_string(), "{line}");
    read
}

#[test]
fn given_a_file_and_a_log_in_json_when_a_node_runs_then_each_line_is_one_object() {
    let place = Place::new("log-format = 'json'\n");
    let mut command = place.command();
    command.env("CAMEO_LOG", "debug");
    let node = Running::start(command);
    let rest = node.stop();
    let lines: Vec<Value> = rest.lines().map(object).collect();
    let of_program = |line: &&Value| line["target"] == "cameod";
    assert!(lines.iter().any(|line| !of_program(&line)), "{rest}");
    let last = lines.iter().rfind(of_program);
    let last = last.expect("a line");
    assert_eq!(last["fields"]["message"], "stopping");
    assert_eq!(last["level"], "INFO");
}

#[test]
fn given_a_fault_after_the_flags_are_read_when_the_log_is_json_then_it_is_an_object_too() {
    let place = Place::new("log-format = 'json'\n");
    std::fs::remove_file(place.folder.path().join("secret")).expect("removed");
    let told = refused(place.command().output().expect("it ends"));
    let read = object(told.trim_end());
    assert_eq!(read["level"], "ERROR");
}

#[test]
fn given_a_running_node_when_it_gets_sighup_then_it_takes_over_the_filter_and_tells_the_rest() {
    let place = Place::new("");
    let mut node = Running::start(place.command());
    place.write("log = 'debug'\njob-memory = 512\n");
    node.signal("HUP");
    let told = last(node.lines_until("was read again"));
    assert!(told.contains("the log filter is now `debug`"), "{told}");
    assert!(told.contains("take a restart: job-memory"), "{told}");
    // Lines that the filter before left out.
    node.lines_until("DEBUG");

    place.write("log = 'warn'\nhtp = 1\n");
    node.signal("HUP");
    let told = last(node.lines_until("`htp` is no key"));
    assert!(told.contains("nothing was changed"), "{told}");
    node.lines_until("DEBUG");
    node.stop();
}

#[test]
fn given_a_stdout_that_cannot_be_written_when_a_node_is_ready_then_it_says_so_and_runs() {
    let place = Place::new("");
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = place.command();
    command.stdout(full.expect("it is there"));
    let mut node = command.spawn().expect("it runs");
    let log = log_of(&mut node);
    let mut node = Running { node, log };
    let told = last(node.lines_until("the output cannot be written"));
    assert!(told.contains("https://127.0.0.1:"), "{told}");
    node.stop();
}

#[test]
fn given_a_file_that_cannot_be_used_when_a_node_starts_then_it_says_where_and_ends_with_2() {
    for (lines, says) in [
        ("colour = 'blue'\n", "node.toml, line 7: `colour` is no key"),
        (
            "metrics = 7201\n",
            "node.toml, line 7: `metrics` is a whole number",
        ),
        ("metrics = 'here'\n", "node.toml, line 7)"),
    ] {
        let place = Place::new(lines);
        let told = refused(place.command().output().expect("it ends"));
        assert!(told.contains(says), "{told}");
        assert!(!Path::new(&place.folder.path().join("data")).exists());
    }
    let place = Place::new("");
    std::fs::write(place.file(), "version = 2\n").expect("written");
    let told = refused(place.command().output().expect("it ends"));
    assert!(told.contains("node.toml, line 1: `version` is 2"), "{told}");
}

#[test]
fn given_a_founder_alone_when_it_is_probed_then_it_is_healthy_and_not_ready() {
    let ports = cameo_harness::free_ports(3).expect("ports");
    let place = Place::new("");
    let peers = format!("1=127.0.0.1:{},2=127.0.0.1:{}", ports[0], ports[1]);
    let probes = format!("127.0.0.1:{}", ports[2]);
    let mut command = place.command();
    command
        .env("CAMEOD_PEERS", peers)
        .env("CAMEOD_METRICS", &probes);
    let mut node = command.spawn().expect("it runs");
    let log = log_of(&mut node);
    let mut node = Running { node, log };
    node.lines_until("cameod: waiting: ");
    let (status, ready) = get(&probes, "/ready");
    assert_eq!((status, ready["ready"].as_bool()), (503, Some(false)));
    assert_eq!(ready["reasons"][0]["code"], "not_formed");
    assert_eq!(ready["reasons"].as_array().map(Vec::len), Some(1));
    let (status, health) = get(&probes, "/health");
    assert_eq!((status, health["healthy"].as_bool()), (200, Some(true)));
    node.stop();
}

/// The status and the document at a path, in the clear.
fn get(address: &str, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
    (status.parse().expect("a number"), body)
}

fn last(lines: Vec<String>) -> String {
    lines.into_iter().next_back().expect("a line")
}

/// What a program that ended with 2 has said.
fn refused(ended: Output) -> String {
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(ended.stdout.is_empty());
    told
}
