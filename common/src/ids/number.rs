//! Numbers with a meaning: a node's, and a point in time. On a wire and a disk each is its number.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A node's number, for good; 1-based by convention.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

/// A point in time: milliseconds since the Unix epoch. Arithmetic saturates.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

macro_rules! shown_as_its_number {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )+};
}
shown_as_its_number!(NodeId, Millis);

/// openraft's test suite of a store needs it.
impl From<u64> for NodeId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl FromStr for NodeId {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl Millis {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The end of time.
    pub const MAX: Self = Self(u64::MAX);

    /// The time so much later.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        self.plus_millis(whole_millis(span))
    }

    /// The time so many milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, span_millis: u64) -> Self {
        Self(self.0.saturating_add(span_millis))
    }

    /// The time so much earlier.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(span)))
    }

    /// How far the two lie apart.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

/// A clock's reading; the epoch when the clock is before it.
impl From<SystemTime> for Millis {
    fn from(time: SystemTime) -> Self {
        Self::EPOCH.plus(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// A duration in whole milliseconds, at most `u64::MAX`.
#[must_use]
pub const fn whole_millis(span: Duration) -> u64 {
    let millis = span.as_millis();
    if millis > u64::MAX as u128 {
        u64::MAX
    } else {
        millis as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn on_a_wire_each_is_its_number() {
        let (node, at) = (NodeId(300), Millis(301));
        assert_eq!(
            crate::wire::encode(&(node, at)),
            crate::wire::encode(&(300u64, 301u64))
        );
        let by_node = BTreeMap::from([(node, at)]);
        let json = serde_json::to_string(&by_node).unwrap();
        assert_eq!(json, r#"{"300":301}"#);
        let back: BTreeMap<NodeId, Millis> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, by_node);
    }

    #[test]
    fn each_is_shown_as_its_number() {
        assert_eq!(
            format!("{} {:?} {:>3}", NodeId(7), NodeId(7), NodeId(7)),
            "7 7   7"
        );
        assert_eq!(format!("{} {:?}", Millis(8), Millis(8)), "8 8");
        assert_eq!("7".parse(), Ok(NodeId(7)));
        assert!("-7".parse::<NodeId>().is_err());
    }

    #[test]
    fn time_saturates_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Millis(5).plus(second), Millis(1_005));
        assert_eq!(Millis(1_005).minus(second), Millis(5));
        assert_eq!(Millis::MAX.plus(Duration::MAX), Millis::MAX);
        assert_eq!(Millis(5).minus(second), Millis::EPOCH);
        assert_eq!(Millis(5).abs_diff(Millis(1_005)), second);
    }

    #[test]
    fn a_clock_before_the_epoch_reads_the_epoch() {
        let second = Duration::from_secs(1);
        assert_eq!(Millis::from(UNIX_EPOCH + second), Millis(1_000));
        assert_eq!(Millis::from(UNIX_EPOCH - second), Millis::EPOCH);
    }
}
