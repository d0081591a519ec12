//! `unlock`: the passphrase goes into the kernel's keyring, once it has opened the vault.

use std::path::PathBuf;

use clap::Args;

use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context;
use crate::output::Report;
use crate::vault::passphrase::UnlockError;
use crate::vault::unlock::{self, Surroundings};
use crate::vault::{Vault, VaultError};

/// `unlock` needs nothing.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Why the keyring was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}; name a file with CAMEO_PASSPHRASE_FILE instead")]
    NoKeyring(UnlockError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::NoKeyring(_) => ErrorKind::Other,
            Error::Vault(error) => error.kind(),
        }
    }
}

pub fn run(home: Option<PathBuf>) -> Result<Report, Error> {
    let home = context::home(home)?;
    if !Vault::exists(&home) {
        return Err(VaultError::NotCreated(home.path().to_owned()).into());
    }
    let around = Surroundings {
        keyring: false,
        ..Surroundings::of_this_process()
    };
    let passphrase = unlock::find(&home, &around).map_err(VaultError::NoPassphrase)?;
    Vault::open(&home, &passphrase)?;
    unlock::remember(&home, &passphrase).map_err(Error::NoKeyring)?;
    Ok(Report::new(
        "The keyring keeps the passphrase until `cameo lock`, or until this machine stops.",
    ))
}
