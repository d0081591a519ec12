//! A history of fifty thousand operations over a hundred grants, judged by the program.

use std::path::Path;
use std::process::Command;

use cameo_chaos::history::Recorder;
use serde_json::Value;

use super::generate::{Size, history};
use super::reference::Bug;

const LARGE: Size = Size {
    grants: 100,
    operations: 500,
    clients: 6,
    revokes: 7,
    unknown: 4,
    late: 400,
};

/// What `cameo-chaos check` says of a generated history, and its exit code.
fn judged(seed: u64, size: Size, bug: Option<Bug>) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let recorder = Recorder::create(&path).unwrap();
    for row in &history(seed, size, bug).rows {
        recorder.record(row);
    }
    drop(recorder);
    if let Some(kept) = std::env::var_os("CAMEO_KEEP_HISTORY") {
        let bug = bug.map_or_else(String::new, |bug| format!("-{bug:?}"));
        let name = format!("seed-{seed}-of-{}{bug}.jsonl", size.clients);
        std::fs::copy(&path, Path::new(&kept).join(name)).unwrap();
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_cameo-chaos"))
        .args(["check", "--json", "--within", "600"])
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    let document: Value = serde_json::from_str(&text).unwrap();
    println!(
        "seed {seed}: {} rows read in {} ms, judged in {} ms",
        document["operations"], document["read_ms"], document["judged_ms"]
    );
    (ran.status.code().unwrap(), document)
}

fn outcome(document: &Value, law: &str) -> String {
    let laws = document["laws"].as_array().unwrap();
    let report = laws.iter().find(|report| report["law"] == law).unwrap();
    report["worst"]["outcome"].as_str().unwrap().to_owned()
}

/// What is judged of a grant, whatever the run.
const OF_GRANTS: [&str; 11] = [
    "L1", "L2", "L3", "L4", "L5", "L6", "L8", "B1", "B3", "B4", "R3",
];

fn is_judged_valid(seed: u64, size: Size) {
    let (code, document) = judged(seed, size, None);
    assert!(document["operations"].as_u64().unwrap() > 50_000);
    for law in OF_GRANTS {
        assert_eq!(outcome(&document, law), "valid", "{law}: {document:#}");
    }
    // No node was observed and nothing was healed, so the run as a whole shows too little.
    assert_eq!(code, 4);
}

/// With `CAMEO_KEEP_HISTORY=FOLDER` the histories stay there, for `cameo-chaos check FILE`.
#[test]
fn fifty_thousand_operations_are_judged_and_the_time_is_told() {
    is_judged_valid(7, LARGE);
}

#[test]
fn fifty_thousand_that_race_with_many_outcomes_unknown_are_judged_too() {
    is_judged_valid(7, LARGE.hard());
}

#[test]
fn a_planted_bug_in_fifty_thousand_operations_is_refused() {
    for size in [LARGE, LARGE.hard()] {
        for bug in [Bug::LosesWrites, Bug::StaleRead, Bug::ChargesAgain] {
            let (code, document) = judged(8, size, Some(bug));
            println!("{bug:?}, {} clients a grant", size.clients);
            assert_eq!(outcome(&document, "L1"), "invalid", "{bug:?}");
            assert_eq!(code, 1);
        }
    }
}
