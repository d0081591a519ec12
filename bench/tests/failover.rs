//! `cameo-bench failover --quick` on real nodes: its output, without judging the figures.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn a_quick_run_kills_leaders_and_prints_its_figures_with_or_without_etcd() {
    // Given the programs of this build, and no cargo to build them again
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["failover", "--json", "--quick"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    // Then nothing acknowledged was gone, or it would have failed
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    let figure = |name: &str| figures.iter().find(|figure| figure["name"] == name);
    for name in [
        "failover_gap_ms_median",
        "failover_gap_ms_max",
        "handover_gap_ms_median",
        "handover_gap_ms_max",
    ] {
        let figure = figure(name).unwrap();
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
        assert_eq!(figure["n"], 2, "{figure}");
    }
    let missing = document["missing"].as_array().unwrap();
    let no_load = "load_elections: measured with --seconds-of-load";
    assert!(missing.contains(&no_load.into()), "{document}");
    let has_etcd = !missing.contains(&"etcd".into());
    for name in [
        "failover_gap_vs_etcd",
        "failover_gap_max_vs_etcd",
        "handover_gap_vs_etcd",
    ] {
        assert_eq!(figure(name).is_some(), has_etcd, "{document}");
    }
}

#[test]
fn a_quick_load_times_writes_without_and_beside_jobs() {
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["failover", "--json", "--quick", "--seconds-of-load", "2"])
        .env_remove("CARGO")
        .output()
        .unwrap();

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = document["figures"].as_array().unwrap();
    let named = |name: &str| figures.iter().find(|figure| figure["name"] == name);
    let factor = named("jobs_write_p99_factor").unwrap();
    assert!(factor["value"].as_f64().unwrap() > 0.0, "{factor}");
    assert!(named("load_elections").is_some(), "{document}");
}

#[test]
fn given_a_signal_then_a_run_leaves_no_process_and_no_folder() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        // Given a run whose nodes serve
        let parent = tempfile::tempdir().unwrap();
        let mut bench = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
            .args(["failover", "--quick"])
            .env_remove("CARGO")
            .env("TMPDIR", parent.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(bench.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert_eq!(first, "leaders killed, round 1");
        assert!(processes_of(parent.path()) >= 3);

        // When
        let id = Pid::from_raw(bench.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let rest: Vec<_> = lines.map(Result::unwrap).collect();

        // Then
        assert_eq!(bench.wait().unwrap().code(), Some(code), "{rest:?}");
        let left: Vec<_> = parent.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let end = Instant::now() + Duration::from_secs(30);
        while processes_of(parent.path()) > 0 {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
    }
}

/// Processes with a path below this folder on their command line.
fn processes_of(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap();
    let names = |entry: std::io::Result<std::fs::DirEntry>| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line)
            .contains(folder)
            .then_some(())
    };
    processes.filter_map(names).count()
}
