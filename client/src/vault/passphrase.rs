//! Passphrases, and the places they are read from.

use std::fmt;
use std::io;
use std::path::PathBuf;

use cameo_passphrase::{FileError, PASSPHRASE_LIMIT, first_line, prompt};
use zeroize::Zeroizing;

/// Environment variable with the path of a file whose first line is the passphrase.
pub const PASSPHRASE_FILE: &str = "CAMEO_PASSPHRASE_FILE";

/// The passphrase of a vault. Zeroized when dropped.
pub struct Passphrase {
    secret: Zeroizing<String>,
    origin: Origin,
}

/// The source of a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    Keyring,
    Terminal,
    /// Passed by the program.
    Given,
}

/// A passphrase that could not be read, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    #[error(
        "no passphrase: write it in the first line of a file and set {PASSPHRASE_FILE} to its \
         path, or run this command in a terminal"
    )]
    Nowhere,
    #[error("{path}, the file in {PASSPHRASE_FILE}, cannot be read: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("the first line of {path}, the file in {PASSPHRASE_FILE}, is empty")]
    EmptyFile { path: PathBuf },
    #[error(
        "{path}, the file in {PASSPHRASE_FILE}, can be read by other users: run `chmod 600` on it, \
         and choose another passphrase if they may have read it"
    )]
    ExposedFile { path: PathBuf },
    #[error("a passphrase has at most {PASSPHRASE_LIMIT} bytes")]
    TooLong,
    #[error("an empty passphrase protects nothing; choose another")]
    Empty,
    #[error("the two passphrases differ; try again")]
    Differ,
    #[error("the terminal cannot be read: {0}")]
    Terminal(#[source] io::Error),
    #[error("the kernel's keyring cannot be used: {0}")]
    Keyring(String),
}

impl Passphrase {
    pub(super) fn new(secret: Zeroizing<String>, origin: Origin) -> Result<Self, UnlockError> {
        if secret.is_empty() {
            return Err(UnlockError::Empty);
        }
        if secret.len() > PASSPHRASE_LIMIT {
            return Err(UnlockError::TooLong);
        }
        Ok(Self { secret, origin })
    }

    /// Reads the first line of a file.
    pub(super) fn from_file(path: PathBuf) -> Result<Self, UnlockError> {
        match first_line(&path) {
            Ok(secret) => Self::new(secret, Origin::File(path)),
            Err(FileError::Io(source)) => Err(UnlockError::File { path, source }),
            Err(FileError::Empty) => Err(UnlockError::EmptyFile { path }),
            Err(FileError::TooLong) => Err(UnlockError::TooLong),
            Err(FileError::Exposed) => Err(UnlockError::ExposedFile { path }),
        }
    }

    /// Asks at the terminal.
    pub(super) fn prompted(question: &str) -> Result<Self, UnlockError> {
        let secret = prompt(question).map_err(UnlockError::Terminal)?;
        Self::new(secret, Origin::Terminal)
    }

    /// A passphrase from the program, for tests and the demo.
    pub fn given(secret: &str) -> Self {
        Self {
            secret: Zeroizing::new(secret.to_owned()),
            origin: Origin::Given,
        }
    }

    pub fn origin(&self) -> Origin {
        self.origin.clone()
    }

    pub(super) fn text(&self) -> &str {
        &self.secret
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

impl Origin {
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Origin::File(_) => "correct the first line of that file",
            Origin::Keyring => "remove it from the keyring with `cameo lock`",
            Origin::Terminal | Origin::Given => "try again",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(formatter, "{}", path.display()),
            Origin::Keyring => formatter.write_str("the kernel's keyring"),
            Origin::Terminal => formatter.write_str("the terminal"),
            Origin::Given => formatter.write_str("the program"),
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Passphrase(from {})", self.origin)
    }
}
