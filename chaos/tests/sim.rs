//! Simulations repeat: the same seed, in two processes, leaves the same bytes.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Short runs: what is judged here is that they repeat, not what they show.
#[test]
fn given_seeds_when_each_is_simulated_in_two_processes_then_traces_and_histories_are_identical() {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-chaos"))
        .args([
            "sim",
            "--seeds",
            "1..4",
            "--twice",
            "--seconds",
            "8",
            "--nodes",
            "3",
        ])
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(" 3 repeated to the byte"), "{text}{errors}");
    let trace = std::fs::read_to_string(out.path().join("seed-1/trace.txt")).unwrap();
    assert!(trace.lines().count() > 80, "{trace}");
}
