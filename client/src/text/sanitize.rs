//! Words that people type, and that strangers send: shown as they are, or not at all.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// Longest sentence of a stranger that is shown, in characters.
const MAX_SENTENCE: usize = 300;

/// A stranger's words, without anything that a terminal would obey, or that would show in another order or not.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let shown = text.chars().filter(|&c| !c.is_control() && !misleads(c));
    shown.take(MAX_SENTENCE).collect()
}

/// Whether a character turns the order of others round, or takes part in a text without being seen: what Unicode lets
/// be ignored by default, the bidirectional controls among it. Joiners and the choice between text and emoji do not
/// mislead: scripts need them.
#[must_use]
pub fn misleads(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) && !joins(c)
}

fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Whether there is something to be seen in a text.
#[must_use]
pub fn shows(text: &str) -> bool {
    text.chars()
        .any(|c| !c.is_whitespace() && !c.is_control() && !misleads(c) && !joins(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_cannot_drive_the_terminal() {
        assert_eq!(sanitize("no\x1b[2J\r\nmore"), "no[2Jmore");
        assert_eq!(sanitize(&"x".repeat(1_000)).len(), MAX_SENTENCE);
    }

    #[test]
    fn a_strangers_words_show_in_the_order_they_have() {
        for order in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars() {
            assert_eq!(sanitize(&format!("gnp{order}.exe")), "gnp.exe", "{order:?}");
        }
        for unseen in "\u{ad}\u{200b}\u{2060}\u{3164}\u{feff}\u{e0041}".chars() {
            assert_eq!(sanitize(&format!("a{unseen}da")), "ada", "{unseen:?}");
            assert!(!shows(&format!(" {unseen}\u{200d}")), "{unseen:?}");
        }
    }

    #[test]
    fn what_misleads_is_pinned_to_the_ranges_of_unicode() {
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
    fn words_of_every_script_stay_as_they_are() {
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
