//! `unlock`: the passphrase goes into the kernel's keyring, once it has opened the vault.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{Exit, Failure};
use crate::flows::context;
use crate::output::Report;
use crate::vault::unlock::{self, Surroundings};
use crate::vault::{Vault, VaultError};

/// `unlock` needs nothing.
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(home: Option<PathBuf>) -> Result<Report, Failure> {
    let home = context::home(home)?;
    if !Vault::exists(&home) {
        return Err(VaultError::NotCreated(home.path().to_owned()).into());
    }
    let around = Surroundings {
        keyring: false,
        ..Surroundings::of_this_process()
    };
    let locked = |error| Failure::from(VaultError::NoPassphrase(error));
    let passphrase = unlock::find(&home, &around).map_err(locked)?;
    Vault::open(&home, &passphrase)?;
    unlock::remember(&home, &passphrase).map_err(|error| {
        Failure::new(
            Exit::Other,
            "no_keyring",
            format!("{error}; name a file with CAMEO_PASSPHRASE_FILE instead"),
        )
    })?;
    Ok(Report::new(
        "The keyring keeps the passphrase until `cameo lock`, or until this machine stops.",
    ))
}
