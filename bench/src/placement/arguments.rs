//! What the placement benchmark can be told.

use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table.
    #[arg(long)]
    pub json: bool,
    /// The whole grid: a thousand workers at every load and error, and all rivals.
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Few workers and jobs, within seconds: to see that it works.
    #[arg(long)]
    pub quick: bool,
    /// Jobs, workers' order and faults follow from it alone.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Also draw the p99 against the interval of the reports.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}
