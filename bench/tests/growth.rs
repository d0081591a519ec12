//! `cameo-bench growth --quick` on real nodes: its output, without judging the figures.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_grows_a_cluster_and_prints_its_figures() {
    // Given the programs of this build, and no cargo to build them again
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["growth", "--json", "--quick"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("500 people"), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    for name in [
        "growth_write_kept",
        "growth_debit_kept",
        "growth_read_kept",
        "snapshot_p99_factor",
        "longest_silence_ms",
        "restart_seconds",
        "rebuild_seconds",
        "behind_rate_kept",
    ] {
        let figure = figures
            .iter()
            .find(|figure| figure["name"] == name)
            .unwrap();
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    }
    for name in ["memory", "disk", "disk_most"] {
        let name = format!("bytes_per_grant_{name}");
        assert!(figures.iter().any(|figure| figure["name"] == name.as_str()));
    }
    assert_eq!(document["missing"].as_array().unwrap().len(), 1);
}
