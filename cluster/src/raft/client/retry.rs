//! Pause between attempts at a leader.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::raft::engine::status::Leadership;

/// Pause between attempts while there is no leader, unless a leader appears first.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Waits for a change of leader or the end of the pause: try again in either case. False, without
/// a pause, once the deadline has passed.
pub(super) async fn pause_before_retry(
    leadership: &mut watch::Receiver<Leadership>,
    deadline: Instant,
) -> bool {
    if Instant::now() >= deadline {
        return false;
    }
    let pause = (Instant::now() + RETRY_PAUSE).min(deadline);
    if let Ok(Err(_)) = timeout_at(pause, leadership.changed()).await {
        // Consensus has ended, so no change will be told: without a pause the caller would spin.
        sleep_until(pause).await;
    }
    true
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn given_that_consensus_has_ended_when_a_caller_retries_then_it_pauses() {
        let (sender, mut leadership) = watch::channel(Leadership::default());
        drop(sender);
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut pause = Box::pin(pause_before_retry(&mut leadership, deadline));
        assert_eq!((&mut pause).now_or_never(), None);
        assert!(pause.await);
    }
}
