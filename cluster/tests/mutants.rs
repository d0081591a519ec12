//! Planted bugs: none in what is shipped, and none by a wrong name.
#![allow(clippy::unwrap_used)]

#[cfg(not(feature = "mutants"))]
#[test]
fn given_a_build_without_mutants_then_the_node_has_no_trace_of_them() {
    let node = std::fs::read(env!("CARGO_BIN_EXE_cameod")).unwrap();
    let contains = |text: &[u8]| node.windows(text.len()).any(|window| window == text);
    // What is looked for is found by this search, if it is there.
    assert!(contains(b"CAMEO_LOG"));
    assert!(!contains(b"CAMEO_MUTANT"));
    for mutant in cameo_mutant::Mutant::ALL {
        assert!(!contains(mutant.name().as_bytes()), "{mutant}");
    }
}

#[cfg(feature = "mutants")]
#[test]
fn given_an_unknown_name_then_the_node_with_mutants_refuses_to_start() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cameod-mutants"))
        .env(cameo_mutant::VARIABLE, "ack-removes-older")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("ack-removes-newer"), "{text}");
}
