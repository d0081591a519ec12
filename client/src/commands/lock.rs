//! `lock`: the kernel's keyring forgets the passphrase.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{Exit, Failure};
use crate::flows::context;
use crate::output::Report;
use crate::vault::unlock;

/// `lock` needs nothing.
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(home: Option<PathBuf>) -> Result<Report, Failure> {
    let home = context::home(home)?;
    unlock::forget(&home).map_err(|error| {
        Failure::new(
            Exit::Other,
            "no_keyring",
            format!("{error}; where there is none it keeps nothing: only a file that CAMEO_PASSPHRASE_FILE names opens this home without asking"),
        )
    })?;
    Ok(Report::new(
        "The keyring has forgotten the passphrase; an agent that runs keeps its vault open.",
    ))
}
