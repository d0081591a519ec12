//! `cameo-bench dispatch --quick` on real nodes: its output, without judging the figures.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_prints_its_figures_or_reports_that_quotas_are_missing() {
    // Given the programs of this build, and no cargo to build them again
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["dispatch", "--json", "--quick", "--only", "table"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    // Then
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    if figures.is_empty() {
        let missing = document["missing"][0].as_str().unwrap();
        assert!(missing.contains("control group"), "{missing}");
        return;
    }
    let value = |name: &str| {
        let figure = figures.iter().find(|figure| figure["name"] == name);
        figure.unwrap()["value"].as_f64().unwrap()
    };
    assert!(value("balanced_vs_unbalanced") > 0.0);
    assert!(value("seconds_per_request_balanced") > 0.0);
    assert!(value("leader_image_jobs") >= 0.0);
}
