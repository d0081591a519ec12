//! Nodes that are started with flags, files and ports that do not serve: each says so in a
//! sentence, ends with 2, and has changed nothing.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cameo_harness::free_ports;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");

/// The command line of a node alone.
#[derive(Clone)]
struct Line {
    data: PathBuf,
    secret: PathBuf,
    link: u16,
    http: u16,
}

impl Line {
    fn new(folder: &Path) -> Self {
        let ports = free_ports(2).expect("ports");
        Self {
            data: folder.join("data"),
            secret: secret(&folder.join("secret")),
            link: ports[0],
            http: ports[1],
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--id", "1", "--peers"])
            .arg(format!("1=127.0.0.1:{}", self.link))
            .args(["--http", &format!("127.0.0.1:{}", self.http)])
            .arg("--secret")
            .arg(&self.secret)
            .arg("--data")
            .arg(&self.data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it, waits until it is ready, and has it stop.
    fn run_once(&self) {
        let mut node = self.command().spawn().expect("it runs");
        let mut ready = String::new();
        let stdout = node.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("read");
        let asked = Command::new("kill").arg(node.id().to_string()).status();
        assert!(asked.expect("it runs").success());
        let ended = node.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ready.starts_with("https://"), "{ready:?}: {told}");
        assert!(ended.status.success(), "{told}");
    }

    /// What it says when it does not start.
    fn refused(&self) -> String {
        told(self.command().output().expect("it ends"))
    }
}

fn secret(path: &Path) -> PathBuf {
    let made = Command::new(PROGRAM).arg("secret").arg(path).output();
    assert!(made.expect("it runs").status.success());
    path.to_owned()
}

/// What a program that ended with 2 has said.
fn told(ended: Output) -> String {
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(ended.stdout.is_empty());
    told
}

#[test]
fn given_a_formed_node_when_its_secret_or_addresses_change_then_it_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let formed = Line::new(folder.path());
    formed.run_once();
    let free = free_ports(1).expect("ports")[0];
    let cases = [
        (
            Line {
                secret: secret(&folder.path().join("other")),
                ..formed.clone()
            },
            "the file in --secret is not the one",
        ),
        (
            Line {
                link: free,
                ..formed.clone()
            },
            "and the cluster has it at 127.0.0.1:",
        ),
        (
            Line {
                http: free,
                ..formed.clone()
            },
            "clients have this node at https://127.0.0.1:",
        ),
    ];
    for (changed, says) in cases {
        let told = changed.refused();
        assert!(told.contains(says), "{told}");
    }
    formed.run_once();
}

#[test]
fn given_a_port_in_use_when_a_node_starts_then_it_says_which_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Line::new(folder.path());
    for (port, flag) in [
        (line.http, "(--http)"),
        (line.link, "(this node's address in --peers)"),
    ] {
        let _used = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
        let told = line.refused();
        let says = format!("cannot listen on 127.0.0.1:{port} {flag}: another program has");
        assert!(told.contains(&says), "{told}");
    }
}

#[test]
fn given_a_file_for_the_folder_when_a_node_starts_then_it_says_so_and_keeps_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Line::new(folder.path());
    let file = folder.path().join("pic.jpg");
    std::fs::write(&file, "a picture").expect("written");
    for data in [file.clone(), file.join("data")] {
        let told = Line {
            data,
            ..line.clone()
        }
        .refused();
        assert!(told.contains("is a file, which was not changed"), "{told}");
        assert!(!told.contains("os error"), "{told}");
    }
    assert_eq!(std::fs::read(file).expect("read"), b"a picture");
}

#[test]
fn a_secret_for_a_folder_that_is_not_there_is_told_by_its_own_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none/x");
    let made = Command::new(PROGRAM).arg("secret").arg(&path).output();
    let told = told(made.expect("it runs"));
    let says = format!("the secret {} and the operator's key", path.display());
    assert!(told.contains(&says), "{told}");
}

/// A folder and everything in it.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("read");
    let paths = entries.map(|entry| entry.expect("read").path());
    let below = paths.flat_map(|path| match path.is_dir() {
        true => everything(&path),
        false => vec![path],
    });
    below.chain([folder.to_owned()]).collect()
}

fn is_open_to_others(path: &PathBuf) -> bool {
    let metadata = std::fs::metadata(path).expect("read");
    metadata.permissions().mode() & 0o077 != 0
}

#[test]
fn attack_no_other_user_of_the_machine_reads_what_is_in_a_nodes_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Line::new(folder.path());
    // given a folder that the operator has made, for everybody
    std::fs::create_dir(&line.data).expect("created");
    let chmod = |mode| {
        let mut chmod = Command::new("chmod");
        let done = chmod.args(["-R", mode]).arg(&line.data).status();
        assert!(done.expect("it runs").success());
    };
    chmod("755");
    // then all in it is private, also what libraries create
    line.run_once();
    let open = || {
        let mut all = everything(&line.data);
        assert!(all.len() > 10, "{all:?}");
        all.retain(is_open_to_others);
        all
    };
    assert_eq!(open(), Vec::<PathBuf>::new());
    // and so it is again when all but the key was opened later
    chmod("go+rX");
    let key = line.data.join("node.key");
    std::fs::set_permissions(key, Permissions::from_mode(0o600)).expect("changed");
    line.run_once();
    assert_eq!(open(), Vec::<PathBuf>::new());
}
