//! Removal of carriers that were sent and are not needed any more.

use std::time::Duration;

use tokio::time::sleep;

use super::Core;
use crate::clock;
use crate::flows::notices::Notice;
use crate::flows::share;

/// Interval of the removal.
const INTERVAL: Duration = Duration::from_secs(3_600);

/// Removes them now and from time to time, until dropped.
pub(super) async fn remove(core: Core) {
    loop {
        match share::drop_sent(&core.ctx.vault, clock::now()) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed carriers that are not needed any more"),
            Err(error) => core.notices.publish(Notice::Trouble {
                what_failed: "removing carriers that were sent".into(),
                why: error.to_string(),
            }),
        }
        sleep(INTERVAL).await;
    }
}
