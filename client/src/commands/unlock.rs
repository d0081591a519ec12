//! `unlock`: stores the passphrase in the kernel's keyring, after it has opened the vault.

use std::path::PathBuf;

use clap::Args;

use crate::error_kind::{Classified, ErrorKind};
use crate::output::Report;
use crate::vault::passphrase::UnlockError;
use crate::vault::unlock::{self, PassphraseSources};
use crate::vault::{Home, Vault, VaultError};

/// `unlock` has no arguments.
#[derive(Debug, Args)]
pub struct Arguments {}

/// A keyring that could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}; set CAMEO_PASSPHRASE_FILE to a file with the passphrase instead")]
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
    let home = Home::open(home)?;
    if !Vault::exists(&home) {
        return Err(VaultError::NotCreated(home.path().to_owned()).into());
    }
    let around = PassphraseSources {
        keyring: false,
        ..PassphraseSources::of_this_process()
    };
    let passphrase = unlock::find(&home, &around).map_err(VaultError::NoPassphrase)?;
    Vault::open(&home, &passphrase)?;
    unlock::remember(&home, &passphrase).map_err(Error::NoKeyring)?;
    Ok(Report::new(
        "The keyring has the passphrase until `cameo lock` or until this machine stops.",
    ))
}
