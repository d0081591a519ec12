//! Waits for a condition, with a deadline.

use std::time::Duration;

/// Interval between two checks of a condition.
const LOOK: Duration = Duration::from_millis(20);

/// The condition was not met in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s in vain for: {what}", .within.as_secs())]
pub struct TimedOut {
    pub what: String,
    pub within: Duration,
}

/// Checks until there is a value.
///
/// # Errors
/// When there is none within the time given.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, TimedOut> {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(within, looking)
        .await
        .map_err(|_| TimedOut {
            what: what.to_owned(),
            within,
        })
}
