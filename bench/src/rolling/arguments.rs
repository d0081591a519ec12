//! Arguments of `cameo-bench rolling`.

use super::again::Again;

/// One of so many rounds may be measured again.
const AGAIN_OF: u32 = 5;
/// Photos that are opened at the end, beside those that clients view all the while.
pub const PHOTOS: usize = 100;
/// The same with `--quick`.
const QUICK_PHOTOS: usize = 4;
/// Nodes of the cluster, each of which is restarted, and replaced.
const NODES: u32 = 3;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Few clients, photos and rounds: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Clients of each kind of call: writes, debits, look-ups and views
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub clients: u32,
    /// Times that all nodes are restarted, one after another
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=999))]
    pub rounds: u32,
}

impl Arguments {
    /// Clients of each kind.
    pub fn of_each_kind(&self) -> usize {
        if self.quick { 1 } else { self.clients as usize }
    }

    /// Restarts of one node in all.
    pub fn restarts(&self) -> u32 {
        NODES * if self.quick { 1 } else { self.rounds }
    }

    /// Replacements of one node in all: of each node.
    pub fn replacements(&self) -> u32 {
        NODES
    }

    pub fn photos(&self) -> usize {
        if self.quick { QUICK_PHOTOS } else { PHOTOS }
    }

    /// Which of so many rounds are measured again: at most one of five, if it was disturbed.
    pub fn again(&self, rounds: u32) -> Again {
        match self.quick {
            true => Again::never(),
            false => Again::at_most(rounds.div_ceil(AGAIN_OF) as usize),
        }
    }
}
