//! Durations on the command line: `90s`, `30m`, `12h`, `7d`, `2w`.

use std::time::Duration;

use cameo_common::ids::whole_millis;

/// The longest duration: ten years.
pub const MAX_DURATION: Duration = Duration::from_millis(3650 * DAY);

// Milliseconds.
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// A text that is not a valid duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("a duration is a number and s, m, h, d or w, such as 7d")]
    Malformed,
    #[error("a duration is at most ten years")]
    TooLong,
    #[error("a duration cannot be zero")]
    Zero,
}

/// Parses a duration.
///
/// # Errors
/// When the text is malformed, zero or over [`MAX_DURATION`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let (number, unit) = text
        .char_indices()
        .last()
        .map(|(at, _)| text.split_at(at))
        .ok_or(DurationError::Malformed)?;
    let unit = match unit {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => WEEK,
        _ => return Err(DurationError::Malformed),
    };
    if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
        return Err(DurationError::Malformed);
    }
    let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
    match number.checked_mul(unit).map(Duration::from_millis) {
        Some(Duration::ZERO) => Err(DurationError::Zero),
        Some(length) if length <= MAX_DURATION => Ok(length),
        _ => Err(DurationError::TooLong),
    }
}

/// A duration as text, in its largest whole unit.
#[must_use]
pub fn show(length: Duration) -> String {
    let length = whole_millis(length);
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m")];
    for (unit, name) in units {
        if length >= unit {
            return format!("{}{name}", length / unit);
        }
    }
    format!("{}s", length / SECOND)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for (text, length) in [
            ("1s", 1_000),
            ("30m", 1_800_000),
            ("12h", 43_200_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(length)), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for text in ["", "7", "d", "-1d", "1.5h", "7 d", "7days", "+7d", "7ä"] {
            assert_eq!(parse(text), Err(DurationError::Malformed), "{text}");
        }
        assert_eq!(parse("0d"), Err(DurationError::Zero));
        assert_eq!(parse("3651d"), Err(DurationError::TooLong));
        assert_eq!(parse("99999999999999999999d"), Err(DurationError::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,12}") {
            let _ = parse(&text);
        }

        #[test]
        fn whole_days_read_back(days in 1..3650u64) {
            let length = Duration::from_millis(days * DAY);
            prop_assert_eq!(parse(&show(length)), Ok(length));
        }
    }
}
