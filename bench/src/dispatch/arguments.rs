//! Arguments of `cameo-bench dispatch`.

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Run everything in the paper's size, and each baseline in each scenario: hours
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Run everything once and small, within minutes: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Seed of the arrivals
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Run only scenarios whose name contains this: table, closed, open, neighbour, leader,
    /// baselines, saturated
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
}
