//! The names of placement policies, as decision logs have them.

use serde::{Deserialize, Serialize};

/// How a worker is chosen. The product has the first one; the feature `baselines` adds the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The least projected CPU time per usable core.
    #[default]
    LeastProjected,
    /// The lowest CPU share that was reported: the way of the paper in docs/BENCHMARKS.md.
    LeastCpu,
    Random,
    RoundRobin,
    /// The one with fewer jobs, as reported, of two drawn at random.
    TwoChoices,
    /// Everything to one server.
    One,
}

impl Policy {
    pub const ALL: [Policy; 6] = [
        Policy::LeastProjected,
        Policy::LeastCpu,
        Policy::Random,
        Policy::RoundRobin,
        Policy::TwoChoices,
        Policy::One,
    ];

    /// Its name in flags, logs and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Policy::LeastProjected => "least-projected",
            Policy::LeastCpu => "least-cpu",
            Policy::Random => "random",
            Policy::RoundRobin => "round-robin",
            Policy::TwoChoices => "two-choices",
            Policy::One => "one",
        }
    }

    /// The policy of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}
