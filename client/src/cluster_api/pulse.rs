//! Whether anything still moves between us and a worker: a slow line is waited for, a worker that stands still is not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The upload goes out in pieces of this size, each a sign of life.
const PIECE: usize = 64 * 1024;

/// When something moved last. Clones are one.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<watch::Sender<Instant>>);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Instant::now())))
    }

    /// Something has moved.
    pub(super) fn beat(&self) {
        self.0.send_replace(Instant::now());
    }

    /// Ends once nothing has moved for so long.
    pub(super) async fn stopped(&self, patience: Duration) {
        loop {
            let end = *self.0.borrow() + patience;
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }

    /// A body that beats with each piece that the connection takes.
    pub(super) fn body(&self, bytes: Bytes) -> reqwest::Body {
        let pulse = self.clone();
        let pieces = (0..bytes.len()).step_by(PIECE).map(move |from| {
            pulse.beat();
            let to = bytes.len().min(from + PIECE);
            Ok::<_, std::io::Error>(bytes.slice(from..to))
        });
        reqwest::Body::wrap_stream(stream::iter(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_stops_when_nothing_has_moved_for_as_long_as_one_is_patient() {
        let pulse = Pulse::new();
        let patience = Duration::from_secs(5);
        let began = Instant::now();
        let moves = async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                pulse.beat();
            }
        };
        tokio::join!(moves, pulse.stopped(patience));
        assert_eq!(began.elapsed(), Duration::from_secs(21));
    }
}
