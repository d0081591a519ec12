//! The passphrase of the operator's key: from the file that an environment variable names, else
//! from the terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use cameo_passphrase::{FileError, PASSPHRASE_LIMIT, first_line, prompt};
use zeroize::Zeroizing;

/// Environment variable with the path of a file whose first line is the passphrase.
pub const PASSPHRASE_FILE: &str = "CAMEO_OPERATOR_PASSPHRASE_FILE";

/// A passphrase that could not be read, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    #[error(
        "no passphrase: write it in the first line of a file and set {PASSPHRASE_FILE} to its \
         path, or run this command in a terminal"
    )]
    Nowhere,
    #[error("{path}, the file in {PASSPHRASE_FILE}: {source}")]
    File { path: PathBuf, source: FileError },
    #[error("an empty passphrase protects nothing; choose another")]
    Empty,
    #[error("a passphrase has at most {PASSPHRASE_LIMIT} bytes")]
    TooLong,
    #[error("the two passphrases differ; try again")]
    Differ,
    #[error("the terminal cannot be read: {0}")]
    Terminal(#[from] io::Error),
}

/// A new passphrase; a terminal asks for it twice.
///
/// # Errors
/// See [`PassphraseError`].
pub fn choose() -> Result<Zeroizing<String>, PassphraseError> {
    let first = ask("New passphrase of the operator's key: ")?;
    if file().is_none() && *prompt("Again: ")? != *first {
        return Err(PassphraseError::Differ);
    }
    Ok(first)
}

/// The passphrase of a key that is sealed.
///
/// # Errors
/// See [`PassphraseError`].
pub fn find() -> Result<Zeroizing<String>, PassphraseError> {
    ask("Passphrase of the operator's key: ")
}

fn ask(question: &str) -> Result<Zeroizing<String>, PassphraseError> {
    if let Some(path) = file() {
        return first_line(&path).map_err(|source| PassphraseError::File { path, source });
    }
    if !io::stdin().is_terminal() {
        return Err(PassphraseError::Nowhere);
    }
    let secret = prompt(question)?;
    match secret.len() {
        0 => Err(PassphraseError::Empty),
        length if length > PASSPHRASE_LIMIT => Err(PassphraseError::TooLong),
        _ => Ok(secret),
    }
}

fn file() -> Option<PathBuf> {
    let path = std::env::var_os(PASSPHRASE_FILE);
    path.filter(|path| !path.is_empty()).map(PathBuf::from)
}
