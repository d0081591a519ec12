//! The sentence about this machine's clock, where it is wrong.

use std::time::Duration;

use super::ClusterApi;
use super::nodes::is_far;
use crate::text::duration::show;

const MINUTE_MS: u64 = 60_000;

impl ClusterApi {
    /// What to tell when this machine's clock is off by more than a minute, by the clocks of a
    /// majority of nodes as far as they were asked.
    #[must_use]
    pub fn wrong_clock(&self) -> Option<String> {
        let offset = self.nodes().clock_offset();
        is_far(offset).then(|| words(offset))
    }
}

/// By the cluster's clock minus the local one, in milliseconds.
fn words(offset: i64) -> String {
    // To the minute: an answer takes a moment.
    let minutes = offset.unsigned_abs().saturating_add(MINUTE_MS / 2) / MINUTE_MS;
    let length = show(Duration::from_millis(minutes.saturating_mul(MINUTE_MS)));
    let direction = if offset < 0 { "ahead of" } else { "behind" };
    format!(
        "this machine's clock is {length} {direction} the cluster's, by which rights expire: set \
         it, so that the times shown here are right"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_told_with_its_error() {
        assert!(words(-7_200_000).contains("2h ahead of the cluster's"));
        assert!(words(119_990).contains("2m behind the cluster's"));
    }
}
