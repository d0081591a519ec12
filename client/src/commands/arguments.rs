//! Parsers of argument values that several commands share.

use std::time::Duration;

use crate::text::duration;

/// Parses a duration.
pub(super) fn length_of_time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// Parses a number of views.
pub(super) fn views(text: &str) -> Result<u32, String> {
    let most = cameo_common::rights::MAX_PERMITTED;
    match text.parse::<u32>() {
        Ok(views) if (1..=most).contains(&views) => Ok(views),
        _ => Err(format!("a number from 1 to {most} is needed")),
    }
}
