//! Arguments of `cameo-bench failover`.

use super::series::Again;

/// One of so many rounds may be measured again.
const AGAIN_OF: u32 = 5;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Two rounds of each: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Leaders that are killed on each side; 10 of each are stopped in addition
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=999))]
    pub rounds: u32,
    /// End no leader: time writes for so many seconds without and beside image jobs, and count
    /// elections on each side
    #[arg(long, value_name = "N", conflicts_with = "rounds")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds_of_load: Option<u32>,
}

/// Rounds of `--quick`.
const QUICK: u32 = 2;
/// Rounds in which a leader is stopped, at most.
const HANDOVERS: u32 = 10;

impl Arguments {
    /// Rounds in which a leader is killed.
    pub fn kills(&self) -> u32 {
        if self.quick { QUICK } else { self.rounds }
    }

    /// Rounds in which a leader is stopped.
    pub fn handovers(&self) -> u32 {
        self.kills().min(HANDOVERS)
    }

    /// Which of so many rounds are measured again: at most one of five.
    pub fn again(&self, rounds: u32) -> Again {
        Again {
            most: rounds.div_ceil(AGAIN_OF) as usize,
            disturbed: !self.quick,
        }
    }
}
