//! A limit on how often something is logged.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Pause between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells when a line may be written again.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// True at most once in each pause.
    pub fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut last = self.0.lock();
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}
