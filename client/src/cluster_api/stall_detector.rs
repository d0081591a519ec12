//! Whether anything still moves between us and a worker: a slow line is waited for, a worker that stands still is not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::slowest_transfer;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// The upload goes out in pieces of this size, each a sign of life.
const PIECE: usize = 64 * 1024;
/// Most that a kernel keeps of what it has taken and not sent: Linux's own limit, and that of others.
const SEND_BUFFER: u64 = 4 * 1024 * 1024;

/// Until when something was moving. Clones are one.
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
                // Where this whole program stood still, what has come meanwhile is looked at first.
                yield_now().await;
                if *self.0.borrow() + patience <= end {
                    return;
                }
            } else {
                sleep_until(end).await;
            }
        }
    }

    /// A body that beats with each piece that the connection takes. The last ones are on their way for longer: the
    /// kernel has taken them, and the line has not.
    pub(super) fn body(&self, bytes: Bytes) -> reqwest::Body {
        reqwest::Body::wrap_stream(self.pieces(bytes))
    }

    fn pieces(&self, bytes: Bytes) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
        let pulse = self.clone();
        let all = bytes.len();
        let pieces = (0..all).step_by(PIECE).map(move |from| {
            let to = all.min(from + PIECE);
            if to < all {
                pulse.beat();
            } else {
                let arrives = slowest_transfer(SEND_BUFFER.min(all as u64));
                pulse.0.send_replace(Instant::now() + arrives);
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

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn it_stops_when_nothing_has_moved_for_as_long_as_one_is_patient() {
        let pulse = Pulse::new();
        let began = Instant::now();
        let moves = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(4)).await;
                pulse.beat();
            }
        };
        tokio::join!(moves, pulse.stopped(PATIENCE));
        assert_eq!(began.elapsed(), Duration::from_secs(21));
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_of_an_upload_is_a_sign_of_life_and_the_last_one_is_on_its_way_for_a_while()
    {
        // given a line that takes a piece every four seconds
        let pulse = Pulse::new();
        let input = Bytes::from(vec![7; 16 * PIECE + 1]);
        let mut pieces = pulse.pieces(input.clone()).boxed();
        let began = Instant::now();
        let upload = async {
            let mut sent = Vec::new();
            while let Some(piece) = pieces.next().await {
                sent.extend_from_slice(&piece.unwrap());
                sleep(Duration::from_secs(4)).await;
            }
            assert_eq!(sent, input);
        };
        // then it ends only after the last piece, with what the kernel has of it, and no beat before
        tokio::join!(upload, pulse.stopped(PATIENCE));
        let last = Duration::from_secs(16 * 4) + slowest_transfer(input.len() as u64);
        assert_eq!(began.elapsed(), last + PATIENCE);
    }
}
