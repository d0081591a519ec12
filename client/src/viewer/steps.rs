//! The steps of a page, until a browser has received its photo.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::page::Progress;

/// Bound on the wait for a browser to open the page.
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);
/// Bound on the time from the page to the last byte of the photo.
const PHOTO_TIMEOUT: Duration = Duration::from_secs(15);

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A browser has the page.
    Opened,
    /// A browser has received all of the photo.
    Received,
    /// No browser has opened the page in time.
    NotOpened,
    /// The browser that opened the page has not received all of the photo in time.
    NotReceived,
}

/// The steps of one page.
#[derive(Debug)]
pub struct Steps {
    progress: watch::Receiver<Progress>,
    is_opened: bool,
    end: Instant,
}

impl Steps {
    pub(super) fn of(progress: watch::Receiver<Progress>) -> Self {
        Self {
            progress,
            is_opened: false,
            end: Instant::now() + OPEN_TIMEOUT,
        }
    }

    /// The next step. Cancel safe.
    pub async fn next(&mut self) -> Step {
        if !self.is_opened {
            let opened = self.progress.wait_for(|progress| progress.is_opened);
            if !matches!(timeout_at(self.end, opened).await, Ok(Ok(_))) {
                return Step::NotOpened;
            }
            self.is_opened = true;
            self.end = Instant::now() + PHOTO_TIMEOUT;
            return Step::Opened;
        }
        let received = self.progress.wait_for(|progress| progress.has_photo);
        match timeout_at(self.end, received).await {
            Ok(Ok(_)) => Step::Received,
            _ => Step::NotReceived,
        }
    }
}
