//! Titles of images.

use super::Error;
use crate::text::sanitize::{misleads, shows};

/// Longest title, in characters.
pub(super) const MAX_TITLE: usize = 100;

/// A title without spaces around it.
///
/// # Errors
/// When it has more than a line, unseen characters, none that is seen, or more than [`MAX_TITLE`].
pub(super) fn title(given: &str) -> Result<String, Error> {
    let title = given.trim();
    if title.chars().any(char::is_control) {
        return Err(Error::TitleLines);
    }
    if let Some(c) = title.chars().find(|&c| misleads(c)) {
        return Err(Error::TitleUnseen(c));
    }
    if !shows(title) || !(1..=MAX_TITLE).contains(&title.chars().count()) {
        return Err(Error::TitleLength);
    }
    Ok(title.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_title_has_visible_characters_only() {
        for good in ["At sea", "שלום", "👩\u{200d}👧", " the sea "] {
            assert_eq!(title(good).unwrap(), good.trim());
        }
        for (bad, says) in [
            ("", "1 to 100"),
            ("\u{200d}", "1 to 100"),
            ("a\nb", "one line"),
            ("gnp\u{202e}exe", "U+202E"),
            ("a\u{2067}b", "U+2067"),
            ("\u{ad}", "U+00AD"),
        ] {
            let refused = title(bad).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert!(title(&"x".repeat(MAX_TITLE + 1)).is_err());
    }
}
