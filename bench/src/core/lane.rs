//! A lane: the windows of one side, round by round.

use std::time::Duration;

use super::window::{Window, measure};
use crate::clusters::caller::Caller;

/// Calls that a client makes ready for a window at first, by a rate that none has reached.
const FIRST_RATE: f64 = 20_000.0;
/// More calls than the last window took, made ready for the next.
const SPARE: f64 = 1.5;

/// One side, with its clients.
pub struct Lane {
    pub name: &'static str,
    processes: Vec<u32>,
    pub windows: Vec<Window>,
    /// Windows that were measured again, because something else had the machine.
    pub disturbed: usize,
}

impl Lane {
    pub fn new(name: &'static str, processes: Vec<u32>) -> Self {
        Self {
            name,
            processes,
            windows: Vec::new(),
            disturbed: 0,
        }
    }

    /// Measures a window with these clients.
    pub async fn measure(
        &mut self,
        mut callers: Vec<Box<dyn Caller>>,
        length: Duration,
    ) -> anyhow::Result<Window> {
        let rate = self
            .windows
            .last()
            .map_or(FIRST_RATE, |window| window.rate * SPARE);
        let each = rate * length.as_secs_f64() / callers.len().max(1) as f64;
        for caller in &mut callers {
            caller.prepare(each.ceil() as usize)?;
        }
        measure(&mut callers, length, &self.processes).await
    }

    /// A figure of all windows.
    pub fn all(&self, of: impl Fn(&Window) -> f64) -> Vec<f64> {
        self.windows.iter().map(of).collect()
    }
}
