//! A limit on lines of the log that say the same again.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Pause between two lines that say the same.
const PAUSE: Duration = Duration::from_secs(60);
/// Lines that are told apart: strangers choose some of their words. All others share one pause.
const MAX_LINES: usize = 256;

/// What was said lately.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    lines: HashMap<String, Line>,
    others: Line,
}

#[derive(Debug, Default)]
struct Line {
    said: Option<Instant>,
    /// How often it was not said since then.
    unsaid: u64,
}

impl Line {
    fn is_due(&self, now: Instant) -> bool {
        let since = |said| now.saturating_duration_since(said);
        self.said.is_none_or(|said| since(said) >= PAUSE)
    }

    fn due(&mut self, now: Instant) -> Option<u64> {
        if !self.is_due(now) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Repeats {
    /// Whether a line is to be said now, and then how often it was not since it last was.
    pub fn due(&self, line: String) -> Option<u64> {
        self.due_at(line, Instant::now())
    }

    fn due_at(&self, line: String, now: Instant) -> Option<u64> {
        let Said { lines, others } = &mut *self.0.lock();
        if !lines.contains_key(&line) && lines.len() >= MAX_LINES {
            lines.retain(|_, line| !line.is_due(now));
            if lines.len() >= MAX_LINES {
                return others.due(now);
            }
        }
        lines.entry(line).or_default().due(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_line_when_it_comes_again_then_it_is_said_after_a_minute_with_a_count() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let due = |line: &str, quarters| {
            let now = start + PAUSE * quarters / 4;
            repeats.due_at(line.to_owned(), now)
        };
        assert_eq!(due("node 2 is down", 0), Some(0));
        for quarter in 1..4 {
            assert_eq!(due("node 2 is down", quarter), None);
        }
        assert_eq!(due("node 2 has another secret", 3), Some(0));
        assert_eq!(due("node 2 is down", 4), Some(3));
        assert_eq!(due("node 2 is down", 5), None);
    }

    #[test]
    fn lines_without_end_are_neither_all_said_nor_all_remembered() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let lines = (0..10 * MAX_LINES).map(|line| format!("line {line}"));
        let said = lines.filter_map(|line| repeats.due_at(line, start)).count();
        assert_eq!(said, MAX_LINES + 1);
        assert_eq!(repeats.0.lock().lines.len(), MAX_LINES);
        let later = repeats.due_at("another".to_owned(), start + PAUSE);
        assert_eq!(later, Some(0));
        assert_eq!(repeats.0.lock().lines.len(), 1);
    }
}
