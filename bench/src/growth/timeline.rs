//! Writes without a pause, each with the time of its answer: what a window's average hides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::clusters::caller::Caller;
use crate::quantile::Times;
use crate::silence::longest_silence;

/// Answers in order of time.
#[derive(Debug, Default)]
pub struct Timeline {
    /// When it came, and how long the call took in seconds.
    answers: Vec<(Instant, f64)>,
}

impl Timeline {
    /// Calls by all of these until `work` has ended, and returns what that returns.
    ///
    /// # Errors
    /// When a call fails, or the work.
    pub async fn during<T>(
        callers: &mut [Box<dyn Caller>],
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(Self, T)> {
        let is_over = AtomicBool::new(false);
        let calls = callers
            .iter_mut()
            .map(|caller| calls(&mut **caller, &is_over));
        let worked = async {
            let done = work.await;
            is_over.store(true, Ordering::Relaxed);
            done
        };
        let (answers, done) = tokio::try_join!(try_join_all(calls), worked)?;
        let mut answers: Vec<_> = answers.into_iter().flatten().collect();
        answers.sort_by_key(|(at, _)| *at);
        Ok((Self { answers }, done))
    }

    /// Answers a second between two times.
    pub fn rate(&self, from: Instant, to: Instant) -> f64 {
        self.between(from, to).count() as f64 / (to - from).as_secs_f64()
    }

    pub fn times(&self, from: Instant, to: Instant) -> Times {
        Times::of(self.between(from, to).map(|(_, took)| *took).collect())
    }

    /// The longest time between two answers, or between an answer and the beginning or the end.
    pub fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        longest_silence(self.answers.iter().map(|(at, _)| *at), from, to)
    }

    fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &(Instant, f64)> {
        self.answers
            .iter()
            .filter(move |(at, _)| (from..to).contains(at))
    }
}

async fn calls(
    caller: &mut dyn Caller,
    is_over: &AtomicBool,
) -> anyhow::Result<Vec<(Instant, f64)>> {
    let mut answers = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let called = Instant::now();
        caller.call().await?;
        let answered = Instant::now();
        answers.push((answered, (answered - called).as_secs_f64()));
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_reaches_to_the_next_answer_or_to_the_end() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let answers = [10, 20, 320, 330].map(|millis| (at(millis), 0.002));
        let timeline = Timeline {
            answers: answers.into(),
        };
        let silence = |from, to| timeline.longest_silence(at(from), at(to)).as_millis();
        assert_eq!(silence(0, 340), 300);
        assert_eq!(silence(0, 900), 570);
        assert_eq!(silence(200, 330), 120);
        assert_eq!(timeline.rate(at(0), at(1_000)), 4.0);
        assert_eq!(timeline.times(at(15), at(325)).len(), 2);
    }
}
