//! Command lines that `cameo-demo` cannot use.

use std::process::Command;

use serde_json::Value;

#[test]
fn given_json_when_a_flag_is_wrong_then_one_document_has_the_error() {
    for wrong in [&["--nodes", "4"][..], &["--knots"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_cameo-demo"))
            .args(wrong)
            .arg("--json")
            .output()
            .expect("it runs");
        assert_eq!(ended.status.code(), Some(2), "{wrong:?}");
        let document: Value = serde_json::from_slice(&ended.stdout).expect("one document");
        assert_eq!(document["ok"], false);
        assert_eq!(document["error"]["code"], "usage");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains(wrong[0]), "{message}");
        assert!(message.ends_with("see `cameo-demo --help`"), "{message}");
    }
}
