//! Waiting on a condition, with a deadline: never for a time alone.

use std::time::Duration;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s in vain for: {what}", .within.as_secs())]
pub struct TimedOut {
    pub what: String,
    pub within: Duration,
}

/// Looks until there is something to see.
///
/// # Errors
/// When there is nothing within the time given.
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
