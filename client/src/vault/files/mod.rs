//! Files named on the command line: read within a limit, written completely or not at all, and
//! never over an existing file; and files that a command writes anew each time.
//!
//! A file's size is checked before memory is allocated for it. Each error names the file.

mod new_file;
mod read;
mod replace;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::io_error::explained;
use crate::error_kind::{Classified, ErrorKind};

pub use new_file::NewFile;
pub use read::read;
pub use replace::{create_private_folder, replace_private};

/// A file that cannot be read or created.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("there is no file {0}")]
    Missing(PathBuf),
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    #[error("{path} has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        limit: usize,
    },
    #[error("{0} exists already: name another file")]
    Exists(PathBuf),
    #[error("the folder of {0} does not exist: create it first, or name another file")]
    NoFolder(PathBuf),
    #[error(
        "`-` does not mean standard input or output here: name a file (./- if that is its name)"
    )]
    Dash,
    #[error("{}", explained(.source, format_args!("{} cannot be {action}: \
         {source}", .path.display())))]
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
    /// A short form for use in another message, which has the remedy.
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

    /// For `map_err` on reads of this file.
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

    /// For `map_err` on writes of this file.
    fn unwritten(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| FileError::Io {
            action: "written",
            path: path.clone(),
            source,
        }
    }
}

/// Refuses `-`, which other programs take as standard input or output.
fn refuse_dash(path: &Path) -> Result<(), FileError> {
    if path.as_os_str() == "-" {
        return Err(FileError::Dash);
    }
    Ok(())
}
