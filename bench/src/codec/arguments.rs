//! What the codec's benchmark can be told.

use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Also write figures.json and a page with pictures into this folder.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Everything small and few, within seconds: to see that it works, not how fast it is.
    #[arg(long)]
    pub quick: bool,
    /// JPEG photos to take instead of the repository's own.
    #[arg(long, value_name = "DIR")]
    pub photos: Option<PathBuf>,
    /// How often each thing is timed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: Option<u16>,
    /// The `cameo` to measure, instead of the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub cameo: Option<PathBuf>,
}
