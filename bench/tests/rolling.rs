//! `cameo-bench rolling --quick` on real nodes: its output, and that nobody was failed.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn given_restarts_and_replacements_of_all_nodes_then_no_request_fails_and_photos_open() {
    // Given the programs of this build, and no cargo to build them again
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["rolling", "--json", "--quick"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    let figure = |name: &str| {
        let mut named = figures.iter().filter(|figure| figure["name"] == name);
        named.next().unwrap_or_else(|| panic!("{name}: {document}"))
    };
    for name in ["rolling", "replacement"] {
        let failed = figure(&format!("{name}_failed_requests"));
        assert_eq!(failed["value"], 0.0, "{failed} {stderr}");
        assert_eq!(failed["n"], 3, "{failed}");
        let silence = figure(&format!("{name}_longest_silence_ms"));
        assert!(silence["value"].as_f64().unwrap() > 0.0, "{silence}");
    }
    let opened = figure("replacement_photos_opened");
    assert_eq!(opened["value"], 4.0, "{opened} {stderr}");
    assert_eq!(opened["n"], 4, "{opened}");
}
