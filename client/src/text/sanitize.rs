//! Sanitizing of text from users and peers before it is printed.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// Longest text that is printed, in characters.
const MAX_SENTENCE: usize = 300;

/// Removes control characters, and characters that reorder text or are invisible; cuts long texts.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let shown = text.chars().filter(|&c| !c.is_control() && !misleads(c));
    shown.take(MAX_SENTENCE).collect()
}

/// Whether a character reorders text or is invisible: Unicode's default ignorable code points,
/// which include the bidirectional controls, but not joiners and variation selectors, which scripts
/// need.
#[must_use]
pub fn misleads(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) && !joins(c)
}

fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Whether a text has a visible character.
#[must_use]
pub fn shows(text: &str) -> bool {
    text.chars()
        .any(|c| !c.is_whitespace() && !c.is_control() && !misleads(c) && !joins(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_removed() {
        assert_eq!(sanitize("no\x1b[2J\r\nmore"), "no[2Jmore");
        assert_eq!(sanitize(&"x".repeat(1_000)).len(), MAX_SENTENCE);
    }

    #[test]
    fn attack_characters_that_reorder_or_are_invisible_are_removed() {
        for order in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars() {
            assert_eq!(sanitize(&format!("gnp{order}.exe")), "gnp.exe", "{order:?}");
        }
        for unseen in "\u{ad}\u{200b}\u{2060}\u{3164}\u{feff}\u{e0041}".chars() {
            assert_eq!(sanitize(&format!("a{unseen}da")), "ada", "{unseen:?}");
            assert!(!shows(&format!(" {unseen}\u{200d}")), "{unseen:?}");
        }
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

    #[test]
    fn texts_of_all_scripts_are_unchanged() {
        for words in [
            "عکس\u{200c}ها",
            "שלום",
            "👩\u{200d}👧",
            "❤\u{fe0f}",
            "क्\u{200d}ष",
            "e\u{301}",
        ] {
            assert_eq!(sanitize(words), words);
            assert!(shows(words));
        }
    }
}
