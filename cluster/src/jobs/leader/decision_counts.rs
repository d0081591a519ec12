//! Counts of placement decisions, for the metrics.

use cameo_dispatch::Choice;

/// Placement decisions since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecisionCounts {
    /// A worker was chosen.
    pub worker: u64,
    /// Every worker's queueing delay was too long, or all were full.
    pub busy: u64,
    /// No node was eligible.
    pub nobody: u64,
    /// Nothing was decided: the client has reserved its share and does not use it.
    pub own_share: u64,
}

impl DecisionCounts {
    pub(super) fn count(&mut self, choice: &Choice) {
        match choice {
            Choice::Worker(_) => self.worker += 1,
            Choice::Busy { .. } | Choice::Full => self.busy += 1,
            Choice::Nobody => self.nobody += 1,
        }
    }
}
