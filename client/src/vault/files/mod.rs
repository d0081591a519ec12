//! Files that a person names: read within a limit, written whole or not at all, never over another.
//!
//! The vault's own files are the vault's matter. A file is measured before memory is taken for it,
//! and what is said of one that cannot be used names it.

mod new_file;
mod read;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::io_error::explained;
use crate::error_kind::{Classified, ErrorKind};

pub use new_file::NewFile;
pub use read::read;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("there is no file {0}")]
    Missing(PathBuf),
    #[error("{0} is no file")]
    NotAFile(PathBuf),
    #[error("{path} has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        limit: usize,
    },
    #[error("{0} is there already: name another file")]
    Exists(PathBuf),
    #[error("there is no folder for {0}: make it first, or name another file")]
    NoFolder(PathBuf),
    #[error(
        "`-` is not taken for standard input or output: name a file (./- where it is called so)"
    )]
    Dash,
    #[error("{}", explained(.source, format_args!("{} cannot be {action}: {source}", .path.display())))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl Classified for FileError {
    fn kind(&self) -> ErrorKind {
        match self {
            FileError::Missing(_) => ErrorKind::NotFound,
            FileError::Io { .. } => ErrorKind::Other,
            _ => ErrorKind::Usage,
        }
    }
}

impl FileError {
    /// The same within another sentence, which says itself what to do.
    #[must_use]
    pub fn in_short(&self) -> String {
        match self {
            FileError::Io {
                action,
                path,
                source,
            } => format!("{} cannot be {action}: {source}", path.display()),
            error => error.to_string(),
        }
    }

    /// For `map_err`: reading this file failed.
    fn unreadable(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotFound => FileError::Missing(path.clone()),
            _ => FileError::Io {
                action: "read",
                path: path.clone(),
                source,
            },
        }
    }

    /// For `map_err`: writing this file failed.
    fn unwritten(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| FileError::Io {
            action: "written",
            path: path.clone(),
            source,
        }
    }
}

/// `-` means something to other programs; here it would be a surprise.
fn refuse_dash(path: &Path) -> Result<(), FileError> {
    if path.as_os_str() == "-" {
        return Err(FileError::Dash);
    }
    Ok(())
}
