//! Text of others before it reaches a terminal: characters that it would obey, and those that a
//! reader would not see.

use std::fmt::{Display, Write as _};

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// Whether a character reorders text or is invisible: Unicode's default ignorable code points,
/// which include the bidirectional controls, but not joiners and variation selectors, which scripts
/// need.
#[must_use]
pub fn misleads(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) && !joins(c)
}

/// Whether a character is a joiner or a variation selector: invisible, and needed by scripts.
#[must_use]
pub fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// The text with control characters, and characters that reorder it or are invisible, as JSON
/// writes them. In a JSON document these occur in strings only, so that it stays the same document.
/// Lines and tabs stay.
#[must_use]
pub fn escaped(text: &str) -> String {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

/// The same in one line: nobody's text makes a further one.
#[must_use]
pub fn escaped_line(text: &str) -> String {
    escape(text, |_| false)
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !stays(c) && (c.is_control() || misleads(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// What is wrong with a command line, as one sentence: the first paragraph of what its parser says,
/// and where the help is.
#[must_use]
pub fn usage_sentence(said: &str, program: &str) -> String {
    let paragraph = said.lines().take_while(|line| !line.trim().is_empty());
    let sentence = paragraph.map(str::trim).collect::<Vec<_>>().join(" ");
    let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    format!("{sentence}; see `{program} --help`")
}

/// Why a program has no output.
#[must_use]
pub fn unwritten(error: &impl Display) -> String {
    format!("the output cannot be written: {error}")
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
        assert_eq!(escaped_line(said), printed);
        assert_eq!(
            escaped_line("gone\n2026 INFO all is well\r\t"),
            "gone\\u000a2026 INFO all is well\\u000d\\u0009"
        );
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

    #[test]
    fn what_a_parser_says_becomes_one_sentence() {
        let said = "error: two are missing:\n  --id <ID>\n  --data <DIR>\n\nUsage: p [OPTIONS]\n";
        assert_eq!(
            usage_sentence(said, "p"),
            "two are missing: --id <ID> --data <DIR>; see `p --help`"
        );
    }

    #[test]
    fn misleading_characters_are_pinned_to_unicode_s_ranges() {
        let ranges = [
            0x00ad..=0x00ad,
            0x034f..=0x034f,
            0x061c..=0x061c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200b,
            0x200e..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0d,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfff8,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
        ];
        for c in '\0'..=char::MAX {
            let expected = ranges.iter().any(|range| range.contains(&u32::from(c)));
            assert_eq!(misleads(c), expected, "{c:?}");
        }
    }
}
