//! Correct logs, and logs with one fault each.

#![allow(clippy::unwrap_used)]

mod files;
mod order;
mod outcome;
mod rule;

use std::path::Path;

use cameo_common::ids::{JobId, Millis, NodeId};
use cameo_dispatch::{
    Candidate, Choice, LOG_SCHEMA, LoadSample, PlacementInput, Score, Verdict, baselines::decide,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

use super::*;

const LEADER: NodeId = NodeId(1);

fn worker(node: NodeId, backlog_cpu_ms: u64) -> Candidate {
    Candidate {
        node,
        voter: true,
        leader: node == LEADER,
        excluded: false,
        full: false,
        load: Some(LoadSample {
            age_ms: 10,
            usable_millicores: 600,
            cpu_share_permille: 500,
            slots: 1,
            running: u32::from(backlog_cpu_ms > 0),
            queued: 0,
            backlog_cpu_ms,
            incoming: 0,
            incoming_cpu_ms: 0,
            draining: false,
        }),
        reserved: 0,
        reserved_cpu_ms: 0,
    }
}

fn logged(term: u64, sequence: u64, candidates: Vec<Candidate>) -> Logged {
    let input = PlacementInput {
        policy: Policy::LeastProjected,
        term,
        job: JobId([1; 16]),
        sequence,
        cost_ms: 60,
        stale_after_ms: 300,
        max_wait_ms: 1000,
        seed: 7,
        candidates,
    };
    Logged {
        schema: LOG_SCHEMA,
        leader: LEADER,
        unix_ms: Millis(1_790_000_000_000),
        dropped: 0,
        decision: decide(input),
    }
}

/// Two followers, the second with the longer wait, and the idle leader.
fn three() -> Vec<Candidate> {
    vec![
        worker(LEADER, 0),
        worker(NodeId(2), 30),
        worker(NodeId(3), 90),
    ]
}

fn some(count: u64) -> Vec<Logged> {
    (0..count).map(|n| logged(4, n, three())).collect()
}

fn text(lines: &[Logged]) -> String {
    let line = |logged: &Logged| logged.to_line().unwrap() + "\n";
    lines.iter().map(line).collect()
}

struct Logs(TempDir);

impl Logs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn check_text(text: impl AsRef<[u8]>) -> Outcome {
    let logs = Logs::new();
    check(&[logs.write("log", text)])
}

fn check_lines(lines: &[Logged]) -> Outcome {
    check_text(text(lines))
}

/// The only violation, and its line.
fn violation(outcome: &Outcome) -> (u64, &str) {
    assert!(!outcome.ok);
    let [one] = &outcome.violations[..] else {
        panic!("not one violation: {outcome}");
    };
    (one.line, &one.why)
}

fn assert_broken(outcome: &Outcome, line: u64, why: &str) {
    let (at, found) = violation(outcome);
    assert!(at == line && found.contains(why), "{at}: {found}");
}
