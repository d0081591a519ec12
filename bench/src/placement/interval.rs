//! Intervals between load reports.

use std::fmt;
use std::time::Duration;

use super::{MILLISECOND, SECOND};

/// Nanoseconds between two reports of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub u64);

impl Interval {
    /// The last one is the paper's.
    pub const ALL: [Interval; 5] = [
        Interval(30 * MILLISECOND),
        Interval(100 * MILLISECOND),
        Interval(300 * MILLISECOND),
        Interval(SECOND),
        Interval(10 * SECOND),
    ];
    pub const DEFAULT: Interval = Interval(100 * MILLISECOND);

    /// Age at which a report makes its node ineligible, by the leader's rule.
    pub fn stale_after(self) -> Duration {
        Duration::from_nanos(self.0 * 3).max(Duration::from_millis(300))
    }

    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
}

/// Format used in names of figures.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            whole if whole % SECOND == 0 => write!(f, "{}s", whole / SECOND),
            _ => write!(f, "{}ms", self.0 / MILLISECOND),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_readable_names() {
        let names = Interval::ALL.map(|interval| interval.to_string());
        assert_eq!(names, ["30ms", "100ms", "300ms", "1s", "10s"]);
    }
}
