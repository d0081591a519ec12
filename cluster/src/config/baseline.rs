//! Flags of placement by a baseline policy, for benchmarks.

use std::time::Duration;

use cameo_dispatch::Policy;

use super::ConfigError;

/// Longest interval of load reports.
pub(super) const MAX_REPORTS_EVERY_MS: u64 = 600_000;

/// Placement of jobs for a benchmark. The default is that of the product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Baseline {
    pub policy: Policy,
    /// Interval at which load reports are used; zero for all of them.
    pub reports_every: Duration,
}

impl Baseline {
    /// What the flags say.
    pub(super) fn of_flags(
        placement: Option<String>,
        reports_every_ms: u64,
    ) -> Result<Self, ConfigError> {
        let policy = placement.map_or(Ok(Policy::default()), |name| {
            Policy::named(&name).ok_or(ConfigError::Placement(name))
        })?;
        Ok(Self {
            policy,
            reports_every: Duration::from_millis(reports_every_ms),
        })
    }

    /// The warning of a node that does not place jobs by the default.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        (*self != Self::default()).then(|| {
            format!(
                "FOR MEASURING ONLY: jobs are placed by `{}` on reports up to {} ms old; restart \
                 without --placement and --reports-every-ms for normal use",
                self.policy.name(),
                self.reports_every.as_millis()
            )
        })
    }
}

pub(super) fn policies() -> String {
    Policy::ALL.map(Policy::name).join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{REST, check};

    #[test]
    fn an_unknown_policy_is_refused_with_the_known_ones() {
        let line = format!("--id 1 --peers 1=a:1 --http 127.0.0.1:1 --placement best {REST}");
        let error = check(&line).unwrap_err().to_string();
        assert!(error.contains("least-projected, least-cpu"), "{error}");
    }

    #[test]
    fn a_node_that_places_by_a_baseline_warns() {
        let line = format!("--id 1 --peers 1=a:1 --http 127.0.0.1:1 {REST}");
        let ours = check(&format!("{line} --decisions /d/decisions.jsonl")).unwrap();
        assert_eq!(ours.baseline.warning(), None);
        for flags in ["--placement random", "--reports-every-ms 10000"] {
            let config = check(&format!("{line} {flags}")).unwrap();
            let warning = config.baseline.warning().unwrap();
            assert!(warning.starts_with("FOR MEASURING ONLY"), "{warning}");
        }
        let plain = check(&format!("{line} --placement least-projected")).unwrap();
        assert_eq!(plain.baseline.warning(), None);
    }
}
