//! `lock`: the kernel's keyring forgets the passphrase.

use std::path::PathBuf;

use clap::Args;

use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context;
use crate::output::Report;
use crate::vault::passphrase::UnlockError;
use crate::vault::{VaultError, unlock};

/// `lock` needs nothing.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Why the keyring was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0}; where there is none it keeps nothing: only a file that CAMEO_PASSPHRASE_FILE names opens this home without asking"
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
    let home = context::home(home)?;
    unlock::forget(&home).map_err(Error::NoKeyring)?;
    Ok(Report::new(
        "The keyring has forgotten the passphrase; an agent that runs keeps its vault open.",
    ))
}
