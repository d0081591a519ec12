//! Escapes for what a terminal would obey or a reader would not see.

use std::fmt::Write as _;

use crate::text::sanitize::misleads;

/// The text with control characters, and characters that reorder it or are invisible, as JSON
/// writes them. In a JSON document these occur in strings only, so that it stays the same document.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_layout = matches!(c, '\n' | '\t');
        if !is_layout && (c.is_control() || misleads(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn attack_what_a_node_says_does_not_command_the_terminal() {
        // the second is CSI in one character, the third reorders, the fourth is invisible
        let said = "no\x1b[2Jsuch\u{9b}31m grant\u{202e}fdp\u{e0041}";
        let printed = escaped(said);
        assert_eq!(
            printed,
            "no\\u001b[2Jsuch\\u009b31m grant\\u202efdp\\udb40\\udc41"
        );
        assert!(!printed.chars().any(char::is_control));
    }

    #[test]
    fn a_document_stays_the_same_and_text_keeps_its_lines() {
        let document = json!({ "title": "a\u{9b}b\u{e0041}c\n", "name": "👩\u{200d}👧" });
        let printed = escaped(&document.to_string());
        assert!(!printed.contains('\u{9b}'));
        let read: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read, document);
        assert_eq!(escaped("one\n\ttwo\r\n"), "one\n\ttwo\\u000d\n");
    }
}
