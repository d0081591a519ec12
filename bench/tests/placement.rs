//! `cameo-bench placement --quick` end to end: its output, its plot, and reproducibility by seed.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(plot: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["placement", "--json", "--quick", "--seed", "5", "--plot"])
        .arg(plot)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All figures except the one that is a time.
fn simulated(document: &Value) -> Vec<&Value> {
    let figures = document["figures"].as_array().unwrap();
    let simulated = figures
        .iter()
        .filter(|figure| figure["name"] != "decision_us_1000");
    simulated.collect()
}

#[test]
fn one_seed_gives_the_same_figures_and_the_same_plot_twice() {
    // Given
    let folder = tempfile::tempdir().unwrap();
    let plots = ["first.svg", "second.svg"].map(|name| folder.path().join(name));

    // When
    let [first, second] = [run(&plots[0]), run(&plots[1])];

    // Then
    assert_eq!(simulated(&first), simulated(&second));
    let [drawn, again] = plots.map(|plot| fs::read_to_string(plot).unwrap());
    assert!(drawn.starts_with("<svg ") && drawn == again);

    // And every figure is a positive number
    let names: Vec<&str> = simulated(&first)
        .iter()
        .map(|figure| figure["name"].as_str().unwrap())
        .collect();
    for name in [
        "sim_10_p99_vs_oracle_90_100ms_sigma03",
        "sim_10_mean_vs_oracle_70_10s_sigma1",
        "sim_least_cpu_10_p99_vs_oracle_70_10s_sigma03",
        "sim_one_10_mean_vs_oracle_70_100ms_sigma03",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for figure in first["figures"].as_array().unwrap() {
        assert!(
            figure["value"].as_f64().is_some_and(|value| value > 0.0),
            "{figure}"
        );
    }
}
