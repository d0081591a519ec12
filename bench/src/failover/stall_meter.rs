//! A thread that notes when it is woken late: then the machine was busy, or stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the thread sleeps.
const SLEEP: Duration = Duration::from_millis(5);
/// A lateness above this is a stall: more than half of the least election timeout of ours, 90 ms.
pub const STALL: Duration = Duration::from_millis(50);

/// When the thread should have been awake, and when it was.
type Stall = (Instant, Instant);

/// The running thread. Ends when dropped.
#[derive(Debug)]
pub struct StallMeter {
    stalls: Arc<Mutex<Vec<Stall>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StallMeter {
    /// # Errors
    /// When there can be no further thread.
    pub fn start() -> std::io::Result<Self> {
        let stalls = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let watch = {
            let (stalls, over) = (stalls.clone(), over.clone());
            move || watch(&stalls, &over)
        };
        let thread = std::thread::Builder::new().name("stall-meter".into());
        Ok(Self {
            stalls,
            over,
            thread: Some(thread.spawn(watch)?),
        })
    }

    /// Stalls at any time between these.
    pub fn stalls_between(&self, from: Instant, to: Instant) -> usize {
        let stalls = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        between(&stalls, from, to)
    }
}

impl Drop for StallMeter {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Its result is nothing; a panic was printed.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn watch(stalls: &Mutex<Vec<Stall>>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let due = Instant::now() + SLEEP;
        std::thread::sleep(SLEEP);
        let awake = Instant::now();
        if awake.saturating_duration_since(due) > STALL {
            let mut stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
            stalls.push((due, awake));
        }
    }
}

fn between(stalls: &[Stall], from: Instant, to: Instant) -> usize {
    let overlap = |(due, awake): &&Stall| *due < to && *awake > from;
    stalls.iter().filter(overlap).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_stall_then_it_counts_for_every_time_that_it_overlaps() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let stalls = [(at(100), at(200))];
        for (from, to) in [(90, 110), (190, 300), (120, 130), (0, 300)] {
            assert_eq!(between(&stalls, at(from), at(to)), 1, "{from}..{to}");
        }
        for (from, to) in [(0, 100), (200, 300)] {
            assert_eq!(between(&stalls, at(from), at(to)), 0, "{from}..{to}");
        }
    }
}
