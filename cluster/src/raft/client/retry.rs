//! Pause between attempts at a leader.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::raft::engine::status::Leadership;

/// Pause between attempts while there is no leader, unless a leader appears first.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(20);

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
    let _ = timeout_at(pause, leadership.changed()).await;
    true
}
