//! `lock`: removes the passphrase from the kernel's keyring.

use std::path::PathBuf;

use clap::Args;

use crate::error_kind::{Classified, ErrorKind};
use crate::output::Report;
use crate::vault::passphrase::UnlockError;
use crate::vault::{Home, VaultError, unlock};

/// `lock` has no arguments.
#[derive(Debug, Args)]
pub struct Arguments {}

/// A keyring that could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0}. Without a keyring no passphrase is stored in it; only the file in \
         CAMEO_PASSPHRASE_FILE opens this home without asking"
    )]
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
    unlock::forget(&home).map_err(Error::NoKeyring)?;
    Ok(Report::new(
        "The passphrase was removed from the keyring. A running agent keeps its vault open.",
    ))
}
