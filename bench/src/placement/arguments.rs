//! Arguments of `cameo-bench placement`.

use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Run the whole grid: a thousand workers at every load and error, and all baselines
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Run few workers and jobs, within seconds: a functional check
    #[arg(long)]
    pub quick: bool,
    /// Seed of jobs, order of workers, and outages
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Also plot the p99 against the interval of reports into this file
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}
