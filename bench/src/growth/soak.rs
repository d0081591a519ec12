//! Writes and debits for a long time: what grows with time alone.

use std::time::{Duration, Instant};

use super::level::Meter;
use super::sizes::Sizes;
use crate::clusters::ours::Call;

/// What the time has changed.
#[derive(Debug)]
pub struct Soak {
    pub minutes: f64,
    pub elections: u64,
    /// CPU microseconds a write, in the first and in the last window.
    pub cpu_us: [f64; 2],
    pub sizes: [Sizes; 2],
    /// Rates of the windows in between, the least and the greatest.
    pub rates: [f64; 2],
}

impl Meter<'_> {
    pub async fn soak(&mut self, length: Duration) -> anyhow::Result<Soak> {
        let (began, term, before) = (Instant::now(), self.ours.term().await?, self.sizes()?);
        let first = self.rate(Call::Write).await?;
        let (mut last, mut rates) = (first.clone(), [first.rate; 2]);
        while began.elapsed() < length {
            self.rate(Call::Debit).await?;
            last = self.rate(Call::Write).await?;
            rates = [rates[0].min(last.rate), rates[1].max(last.rate)];
        }
        Ok(Soak {
            minutes: began.elapsed().as_secs_f64() / 60.0,
            elections: self.ours.term().await? - term,
            cpu_us: [first.cpu_us, last.cpu_us],
            sizes: [before, self.sizes()?],
            rates,
        })
    }
}
