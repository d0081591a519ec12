//! What the benchmark of dispatch can be told.

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Everything as large as the paper had it, and each rival in each scene: hours.
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Everything small and few, within minutes: to see that it works, not how good it is.
    #[arg(long)]
    pub quick: bool,
    /// The plans of arrivals follow from it alone.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only scenes whose name has this in it: table, closed, open, neighbour, leader, rivals, saturated.
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
}
