//! Whether a process may end by itself.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A process may die of a fault that is over: it has still to write its last words.
const DIES_WITHIN: Duration = Duration::from_secs(3);

/// Faults that may end a process.
#[derive(Debug, Default)]
pub struct MayEnd(Mutex<Faults>);

#[derive(Debug, Default)]
struct Faults {
    upon: usize,
    until: Option<Instant>,
}

/// What the end of a process means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A fault allows it, and sees to the next process.
    InHand,
    /// A fault allowed it until a moment ago.
    Late,
    /// Nothing allows it.
    Fault,
}

impl MayEnd {
    /// A fault begins that may end the process.
    pub fn begin(&self) {
        self.0.lock().upon += 1;
    }

    /// It is over.
    pub fn over(&self) {
        let mut faults = self.0.lock();
        faults.upon = faults.upon.saturating_sub(1);
        faults.until = Some(Instant::now() + DIES_WITHIN);
    }

    /// What it means that the process has ended.
    #[must_use]
    pub fn end(&self) -> End {
        let faults = self.0.lock();
        match faults.until {
            _ if faults.upon > 0 => End::InHand,
            Some(until) if Instant::now() < until => End::Late,
            _ => End::Fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn given_faults_when_a_process_ends_then_it_counts_unless_one_allows_it() {
        let may_end = MayEnd::default();
        assert_eq!(may_end.end(), End::Fault);
        may_end.begin();
        may_end.begin();
        may_end.over();
        assert_eq!(may_end.end(), End::InHand);
        may_end.over();
        assert_eq!(may_end.end(), End::Late);
        tokio::time::advance(DIES_WITHIN).await;
        assert_eq!(may_end.end(), End::Fault);
    }
}
