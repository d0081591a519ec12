//! Arguments of `cameo-bench codec`.

use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Also write figures.json and a page with pictures into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Run everything once and small, within seconds: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// JPEG photos to use instead of the repository's own
    #[arg(long, value_name = "DIR")]
    pub photos: Option<PathBuf>,
    /// Number of runs of each measurement
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: Option<u16>,
    /// The `cameo` to measure, instead of the one beside this program
    #[arg(long, value_name = "FILE")]
    pub cameo: Option<PathBuf>,
}
