//! Goals of figures. A benchmark reports whether they are met; a missed goal is no failure.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Goal::AtLeast(bound) => value >= bound,
            Goal::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtLeast(bound) => write!(f, ">= {bound}"),
            Goal::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

/// The goals of one benchmark, by the names of its figures.
pub type Goals = &'static [(&'static str, Goal)];

/// Goal of one figure, if it has one.
pub fn goal_of(goals: Goals, name: &str) -> Option<Goal> {
    goals
        .iter()
        .find(|(named, _)| *named == name)
        .map(|(_, goal)| *goal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_the_bound_meets_the_goal() {
        assert!(Goal::AtLeast(2.5).is_met(2.5) && !Goal::AtLeast(2.5).is_met(2.49));
        assert!(Goal::AtMost(5.0).is_met(5.0) && !Goal::AtMost(5.0).is_met(5.01));
        assert!(!Goal::AtMost(5.0).is_met(f64::NAN));
    }
}
