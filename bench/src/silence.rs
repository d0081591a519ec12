//! Silences: times without any answer.

use std::time::{Duration, Instant};

/// The longest time between two answers, or between an answer and the beginning or the end. The
/// answers are in order of time.
pub fn longest_silence(
    answers: impl Iterator<Item = Instant>,
    from: Instant,
    to: Instant,
) -> Duration {
    let within = answers.filter(|at| (from..to).contains(at));
    let ends: Vec<_> = std::iter::once(from).chain(within).chain([to]).collect();
    let silences = ends.windows(2).map(|pair| pair[1] - pair[0]);
    silences.max().unwrap_or_default()
}
