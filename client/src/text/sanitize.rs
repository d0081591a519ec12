//! Sanitizing of text from users and peers before it is printed.

use cameo_common::terminal::joins;
pub use cameo_common::terminal::misleads;

/// Longest text that is printed, in characters.
const MAX_SENTENCE: usize = 300;

/// Removes control characters, and characters that reorder text or are invisible; cuts long texts.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let shown = text.chars().filter(|&c| !c.is_control() && !misleads(c));
    shown.take(MAX_SENTENCE).collect()
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
