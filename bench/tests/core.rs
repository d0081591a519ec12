//! `cameo-bench core --quick` on real nodes: its output, without judging the figures.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_prints_its_figures_with_or_without_etcd() {
    // Given the programs of this build, and no cargo to build them again
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["core", "--json", "--quick", "--clients", "1,4"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    // Then
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    let figure = |name: &str| {
        let mut all = figures.iter();
        all.find(|figure| figure["name"] == name).unwrap()
    };
    for name in [
        "write_4_vs_etcd",
        "debit_1_vs_etcd",
        "read_p99_4_vs_etcd",
        "view_1_per_second",
    ] {
        let figure = figure(name);
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    }
    let missing = document["missing"].as_array().unwrap();
    let compares = figure("write_1_vs_etcd")["unit"] == "x";
    assert_eq!(compares, missing.is_empty(), "{document}");
}
