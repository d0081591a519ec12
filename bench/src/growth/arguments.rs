//! Arguments of `cameo-bench growth`.

use std::time::Duration;

use crate::clusters::ours::GROUP;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Small and short: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Numbers of people, each with a photo shared, at which everything is measured
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000], value_name = "N,…")]
    #[arg(value_parser = clap::value_parser!(u32).range(250..=4_000_000))]
    pub people: Vec<u32>,
    /// Clients at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub clients: u32,
    /// Length of a window in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Entries that a node lacks when it comes back
    #[arg(long, default_value_t = 150_000, value_name = "N")]
    pub behind: u32,
    /// Also write for so many minutes, and compare their beginning with their end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub soak_minutes: Option<u32>,
}

/// Groups of people of `--quick`.
const QUICK: [u32; 2] = [1, 2];
/// Entries that a node lacks with `--quick`.
const QUICK_BEHIND: u32 = 200;

impl Arguments {
    /// Groups of people in all, at each level in ascending order.
    pub fn levels(&self) -> Vec<u32> {
        if self.quick {
            return QUICK.to_vec();
        }
        let mut levels: Vec<_> = self
            .people
            .iter()
            .map(|people| people.div_ceil(GROUP))
            .collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }

    pub fn window(&self) -> Duration {
        match self.quick {
            true => Duration::from_millis(300),
            false => Duration::from_secs(self.seconds.into()),
        }
    }

    pub fn lacked(&self) -> u64 {
        if self.quick {
            QUICK_BEHIND
        } else {
            self.behind
        }
        .into()
    }

    pub fn soak(&self) -> Option<Duration> {
        self.soak_minutes
            .map(|minutes| Duration::from_secs(60 * u64::from(minutes)))
    }
}
