//! One planned fault.

use std::fmt;
use std::time::Duration;

use cameo_common::ids::NodeId;

use super::kind::Kind;

/// A fault that strikes `at`, counted from the start of the run, and is healed after `lasts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub at: Duration,
    pub lasts: Duration,
    pub kind: Kind,
    pub victims: Victims,
    pub strength: Strength,
}

impl Planned {
    /// When it is healed.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.at + self.lasts
    }

    /// When it takes hold and lets go, counted from its beginning: once, unless it flaps.
    #[must_use]
    pub fn switches(&self) -> Vec<(Duration, bool)> {
        let Strength::Period(period) = self.strength else {
            return vec![(Duration::ZERO, true), (self.lasts, false)];
        };
        let mut switches = Vec::new();
        let mut at = Duration::ZERO;
        while at < self.lasts {
            switches.push((at, switches.len() % 2 == 0));
            at += period;
        }
        if switches.last().is_some_and(|(_, on)| *on) {
            switches.push((self.lasts, false));
        }
        switches
    }
}

/// Whom a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Victims {
    /// The leader at the moment at which it strikes; the first node if there is none.
    Leader,
    /// These nodes.
    Nodes(Vec<NodeId>),
    /// Two nodes reach each other if one of these groups has both.
    Groups(Vec<Vec<NodeId>>),
    /// A node that is not in the cluster yet.
    Newcomer(NodeId),
}

impl fmt::Display for Victims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("leader"),
            Self::Nodes(nodes) => write!(f, "{}", listed(nodes)),
            Self::Groups(groups) => {
                let groups: Vec<_> = groups.iter().map(|group| listed(group)).collect();
                f.write_str(&groups.join(" | "))
            }
            Self::Newcomer(node) => write!(f, "newcomer {node}"),
        }
    }
}

fn listed(nodes: &[NodeId]) -> String {
    let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    nodes.join(",")
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// There is no more or less of it.
    Whole,
    /// Of [`Kind::Flapping`]: it takes hold and lets go for this long each.
    Period(Duration),
    /// Of [`Kind::Delay`] and [`Kind::SlowSync`]: added to each.
    Delay(Duration),
    /// Of [`Kind::Loss`] and [`Kind::Reorder`]: packets of a hundred.
    Percent(u8),
    /// Of [`Kind::Throttle`].
    BytesPerSecond(u32),
    /// Of [`Kind::ClockJump`]: milliseconds ahead of true time, or behind it.
    Ahead(i64),
    /// Of [`Kind::ClockDrift`]: thousandths of a second that the clock counts in a second.
    Rate(u32),
    /// Of [`Kind::BitFlip`] and [`Kind::TornTail`]: chooses where.
    Where(u64),
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole | Self::Where(_) => Ok(()),
            Self::Period(period) => write!(f, "every {} ms", period.as_millis()),
            Self::Delay(delay) => write!(f, "{} ms", delay.as_millis()),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::BytesPerSecond(bytes) => write!(f, "{bytes} B/s"),
            Self::Ahead(millis) => write!(f, "{millis:+} ms"),
            Self::Rate(thousandths) => {
                write!(f, "x{}.{:03}", thousandths / 1000, thousandths % 1000)
            }
        }
    }
}
