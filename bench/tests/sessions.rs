//! `cameo-bench sessions --quick` on real nodes: 50 sessions, 10 of them with a stream.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

fn bench(arguments: &[&str]) -> std::process::Output {
    // The programs of this build, and no cargo to build them again.
    Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .arg("sessions")
        .args(arguments)
        .env_remove("CARGO")
        .output()
        .unwrap()
}

#[test]
fn a_quick_run_holds_sessions_of_both_kinds_and_prints_its_figures() {
    let output = bench(&["--json", "--quick"]);

    // Then no session has ended, or it would have failed
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    let figure = |name: &str| {
        let mut named = figures.iter().filter(|figure| figure["name"] == name);
        named.next().unwrap_or_else(|| panic!("{name}: {document}"))
    };
    let entries = figure("sessions_log_entries_per_minute");
    let note = entries["note"].as_str().unwrap();
    assert!(
        note.starts_with("50 sessions, 10 of them with a stream"),
        "{note}"
    );
    assert_eq!(entries["n"], 2);
    for when in ["first", "last"] {
        figure(&format!("sessions_cpu_percent_{when}"));
        let memory = figure(&format!("sessions_memory_mib_{when}"));
        assert!(memory["value"].as_f64().unwrap() > 0.0, "{memory}");
    }
    assert_eq!(
        document["missing"].as_array().unwrap().len(),
        0,
        "{document}"
    );
}

#[test]
fn given_more_connections_than_sessions_then_nothing_is_started() {
    let output = bench(&["--sessions", "5", "--connections", "6"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("nothing was started"), "{stderr}");
    assert!(output.stdout.is_empty());
}
