//! `cameo-bench codec --quick` end to end, without peers: its output, without judging times.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

/// Figures that need no other program.
const ALWAYS: [&str; 12] = [
    "embed_2mp_vs_memcpy",
    "extract_2mp_vs_memcpy",
    "embed_2mp_vs_steganography_crate",
    "png_time_vs_png_fast",
    "png_size_vs_png_fast",
    "carrier_vs_payload_k2",
    "photo_to_carrier_2mp_ms",
    "psnr_k1",
    "psnr_k2_blurred",
    "ssim_k3_photo",
    "spa_photo_replacement_50",
    "rs_blurred_veil_k2_100",
];

fn value(document: &Value, name: &str) -> Option<f64> {
    let figures = document["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["name"] == name)?["value"].as_f64()
}

#[test]
fn a_quick_run_without_peers_prints_one_document_and_writes_its_report() {
    // Given no peer on PATH, and no cargo to build with
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");

    // When
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["codec", "--json", "--quick", "--runs", "1", "--report"])
        .arg(&report)
        .env("PATH", folder.path())
        .env_remove("CARGO")
        .output()
        .unwrap();

    // Then
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert!(document["machine"]["cores"].as_u64().unwrap() >= 1);
    let missing: Vec<_> = document["missing"].as_array().unwrap().iter().collect();
    for peer in ["stegano", "stegolsb", "steghide"] {
        assert!(
            missing.iter().any(|name| *name == peer),
            "{peer}: {missing:?}"
        );
    }
    for name in ALWAYS {
        assert!(
            value(&document, name).is_some_and(f64::is_finite),
            "{name}: {document}"
        );
    }
    let ours_is_found = !missing
        .iter()
        .any(|name| name.as_str().unwrap().starts_with("cameo"));
    for name in ["hide_2mp_ms", "reveal_2mp_ms", "hide_2mp_peak_mb"] {
        assert_eq!(
            value(&document, name).is_some(),
            ours_is_found,
            "{name}: {missing:?}"
        );
    }
    for figure in document["figures"].as_array().unwrap() {
        let keys: BTreeSet<_> = figure.as_object().unwrap().keys().collect();
        assert!(
            keys.iter().eq(&["n", "name", "note", "unit", "value"]),
            "{figure}"
        );
    }

    // And figures that do not depend on the machine reach their goals
    assert!(value(&document, "psnr_k2").unwrap() >= 46.0);
    assert!(value(&document, "ssim_k2").unwrap() >= 0.985);
    assert!((value(&document, "spa_photo_replacement_50").unwrap() - 0.5).abs() < 0.1);

    // And the report contains the same document, and a self-contained page
    let kept: Value =
        serde_json::from_slice(&fs::read(report.join("figures.json")).unwrap()).unwrap();
    assert_eq!(kept, document);
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    assert!(page.len() < 5 << 20 && page.contains("psnr_k2") && page.contains("data:image/png"));
}

#[test]
fn a_named_program_that_does_not_exist_is_refused_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_cameo-bench"))
        .args(["codec", "--quick", "--runs", "1"])
        .args(["--cameo", "/nonexistent"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("/nonexistent"), "{stderr}");
    assert!(output.stdout.is_empty(), "nothing was measured");
}
