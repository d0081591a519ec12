//! Waits for a condition, with a deadline.

use std::time::Duration;

/// Interval between two checks of a condition.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// The condition was not met in time.
#[derive(Debug, thiserror::Error)]
#[error("timed out after {} s waiting for: {what}", .within.as_secs())]
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
            tokio::time::sleep(CHECK_EVERY).await;
        }
    };
    tokio::time::timeout(within, looking)
        .await
        .map_err(|_| TimedOut {
            what: what.to_owned(),
            within,
        })
}
