//! Detection of stalled job transfers: a slow connection makes progress, a stalled worker does not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// The upload is sent in pieces of this size, each of which counts as progress.
const PIECE: usize = 64 * 1024;
/// Upper bound on the bytes that a kernel buffers before they are sent: Linux's default limit.
const SEND_BUFFER: u64 = 4 * 1024 * 1024;

/// The time of the last progress. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct StallDetector(Arc<watch::Sender<Instant>>);

impl StallDetector {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Instant::now())))
    }

    /// Records progress now.
    pub(super) fn record(&self) {
        self.0.send_replace(Instant::now());
    }

    /// Returns once there was no progress for `stall_timeout`.
    pub(super) async fn wait_for_stall(&self, stall_timeout: Duration) {
        loop {
            let end = *self.0.borrow() + stall_timeout;
            if Instant::now() >= end {
                // If this whole process was paused, received bytes are processed first.
                yield_now().await;
                if *self.0.borrow() + stall_timeout <= end {
                    return;
                }
            } else {
                sleep_until(end).await;
            }
        }
    }

    /// A body that records progress with each piece that the kernel takes. The last piece counts
    /// for longer, because the kernel still has to send what it has buffered.
    pub(super) fn body(&self, bytes: Bytes) -> reqwest::Body {
        reqwest::Body::wrap_stream(self.pieces(bytes))
    }

    fn pieces(&self, bytes: Bytes) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
        let detector = self.clone();
        let all = bytes.len();
        let pieces = (0..all).step_by(PIECE).map(move |from| {
            let to = all.min(from + PIECE);
            if to < all {
                detector.record();
            } else {
                let arrives = slowest_transfer(SEND_BUFFER.min(all as u64));
                detector.0.send_replace(Instant::now() + arrives);
            }
            Ok(bytes.slice(from..to))
        });
        stream::iter(pieces)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::StreamExt;
    use tokio::time::sleep;

    use super::*;

    const STALL_TIMEOUT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_detected_after_the_timeout_without_progress() {
        let detector = StallDetector::new();
        let began = Instant::now();
        let progress = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(4)).await;
                detector.record();
            }
        };
        tokio::join!(progress, detector.wait_for_stall(STALL_TIMEOUT));
        assert_eq!(began.elapsed(), Duration::from_secs(21));
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_of_an_upload_is_progress_and_the_last_one_has_time_to_arrive() {
        // Given a connection that takes a piece every four seconds,
        let detector = StallDetector::new();
        let input = Bytes::from(vec![7; 16 * PIECE + 1]);
        let mut pieces = detector.pieces(input.clone()).boxed();
        let began = Instant::now();
        let upload = async {
            let mut sent = Vec::new();
            while let Some(piece) = pieces.next().await {
                sent.extend_from_slice(&piece.unwrap());
                sleep(Duration::from_secs(4)).await;
            }
            assert_eq!(sent, input);
        };
        // then the stall is detected only after the last piece and the kernel's buffer were sent.
        tokio::join!(upload, detector.wait_for_stall(STALL_TIMEOUT));
        let last = Duration::from_secs(16 * 4) + slowest_transfer(input.len() as u64);
        assert_eq!(began.elapsed(), last + STALL_TIMEOUT);
    }
}
