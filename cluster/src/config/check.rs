//! Flags of the check of a folder.

use std::path::PathBuf;

use clap::Args;

/// The flags of `check`.
#[derive(Debug, Args)]
pub struct CheckFlags {
    /// The data folder, or a backup.
    #[arg(value_name = "DIR|FILE")]
    pub folder: PathBuf,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    /// Folder for copies of log and state, which are removed again; by default that for temporary
    /// files. It needs as much room as the two.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}
