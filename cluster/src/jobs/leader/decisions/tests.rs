#![allow(clippy::unwrap_used)]
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, channel};

use cameo_common::ids::{JobId, Millis};
use cameo_dispatch::{PlacementInput, Policy, decide};
use tempfile::TempDir;

use super::file::rotated;
use super::*;

const NODE: NodeId = NodeId(3);

struct At(Millis);

impl WallClock for At {
    fn unix_millis(&self) -> Millis {
        self.0
    }
}

fn clock() -> Arc<dyn WallClock> {
    Arc::new(At(Millis(1_700)))
}

fn decision(sequence: u64) -> Decision {
    decide(PlacementInput {
        policy: Policy::LeastProjected,
        term: 2,
        job: JobId([1; 16]),
        sequence,
        cost_ms: 5,
        stale_after_ms: 300,
        max_wait_ms: 1000,
        seed: 1,
        candidates: vec![],
    })
}

fn read(path: &Path) -> Vec<Logged> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| Logged::of_line(line).unwrap())
        .collect()
}

fn sequences(lines: &[Logged]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line.decision.input.sequence)
        .collect()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    (folder, path)
}

#[test]
fn recorded_decisions_are_in_the_file_after_closing() {
    // given
    let (_folder, path) = folder();
    let log = DecisionLog::open(&path, NODE, clock()).unwrap();
    // when
    for n in 0..3 {
        log.record(&decision(n));
    }
    log.close();
    log.close();
    // then
    let lines = read(&path);
    assert_eq!(sequences(&lines), [0, 1, 2]);
    assert_eq!((lines[0].leader, lines[0].unix_ms), (NODE, Millis(1_700)));
    assert_eq!(lines[2].decision, decision(2));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_start_appends_after_complete_lines_only() {
    let (_folder, path) = folder();
    let log = DecisionLog::open(&path, NODE, clock()).unwrap();
    log.record(&decision(0));
    log.close();
    drop(log);
    // given a node that was killed while it was writing
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{}", &whole[..40])).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    // when
    let log = DecisionLog::open(&path, NODE, clock()).unwrap();
    log.record(&decision(1));
    log.close();
    // then
    assert_eq!(sequences(&read(&path)), [0, 1]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_log_has_one_writer_and_must_be_a_regular_file() {
    let (folder, path) = folder();
    let _log = DecisionLog::open(&path, NODE, clock()).unwrap();
    let second = DecisionLog::open(&path, NodeId(4), clock());
    assert!(matches!(second, Err(DecisionLogError::InUse(_))));
    let no_file = DecisionLog::open(folder.path(), NODE, clock());
    assert!(matches!(no_file, Err(DecisionLogError::NotAFile(_))));
}

#[test]
fn a_full_file_is_rotated_once() {
    let (_folder, path) = folder();
    let line = "a line\n".as_bytes();
    let mut file = LogFile::open(&path, 15).unwrap();
    for _ in 0..5 {
        file.append(line).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), line);
    assert_eq!(fs::read(rotated(&path)).unwrap(), line.repeat(2));
    assert!(matches!(
        LogFile::open(&path, 15),
        Err(DecisionLogError::InUse(_))
    ));
}

/// A disk that records each write and completes it on a signal.
struct ControlledDisk {
    permits: Receiver<io::Result<()>>,
    given: std::sync::mpsc::Sender<Vec<u8>>,
}

impl Sink for ControlledDisk {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.given.send(lines.to_vec()).unwrap();
        self.permits.recv().unwrap()
    }
}

fn parsed(bytes: &[u8]) -> Vec<Logged> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| Logged::of_line(line).unwrap())
        .collect()
}

#[test]
fn decisions_beyond_the_queue_are_dropped_and_counted() {
    // given a disk that is busy with the first line, and a queue of two
    let (permit, permits) = channel();
    let (given, wrote) = channel();
    let log = DecisionLog::start(ControlledDisk { permits, given }, 2, NODE, clock()).unwrap();
    log.record(&decision(0));
    assert_eq!(sequences(&parsed(&wrote.recv().unwrap())), [0]);
    // when five more are recorded
    for n in 1..=5 {
        log.record(&decision(n));
    }
    // then two wait, and the next one that is queued counts the other three
    permit.send(Ok(())).unwrap();
    assert_eq!(sequences(&parsed(&wrote.recv().unwrap())), [1, 2]);
    log.record(&decision(6));
    permit.send(Ok(())).unwrap();
    let last = parsed(&wrote.recv().unwrap());
    assert_eq!((sequences(&last), last[0].dropped), (vec![6], 3));
    permit.send(Ok(())).unwrap();
    log.close();
}

#[test]
fn decisions_that_the_disk_refuses_are_counted() {
    let (permit, permits) = channel();
    let (given, wrote) = channel();
    let log = DecisionLog::start(ControlledDisk { permits, given }, 8, NODE, clock()).unwrap();
    log.record(&decision(0));
    wrote.recv().unwrap();
    log.record(&decision(1));
    log.record(&decision(2));
    // given a disk that fails twice
    permit.send(Err(io::Error::other("full"))).unwrap();
    let second = parsed(&wrote.recv().unwrap());
    assert_eq!((second[0].dropped, second[1].dropped), (1, 0));
    log.record(&decision(3));
    permit.send(Err(io::Error::other("full"))).unwrap();
    // then the line that is written accounts for all three before it
    let third = parsed(&wrote.recv().unwrap());
    assert_eq!((sequences(&third), third[0].dropped), (vec![3], 3));
    permit.send(Ok(())).unwrap();
    log.close();
}
