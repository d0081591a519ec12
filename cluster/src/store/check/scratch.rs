//! A folder for copies of what raft-log and sled would change when they open it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::super::layout::{DataDirectory, DirectoryError};
use crate::host::rng::system_bytes;

/// Bytes of the folder's random name.
const NAME_BYTES: usize = 8;

/// Why there are no copies.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    #[error("cannot make copies in {folder}: {error}; give a folder with room by --scratch")]
    Copy { folder: PathBuf, error: io::Error },
    #[error("cannot read the folder: {0}")]
    Io(#[from] io::Error),
}

/// A folder that is readable by its owner alone, and removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A new folder in `parent`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn within(parent: &Path) -> Result<Self, ScratchError> {
        let at = |error| ScratchError::Copy {
            folder: parent.to_owned(),
            error,
        };
        let random = system_bytes().map_err(|error| at(io::Error::other(error)))?;
        let name = HEXLOWER.encode(&random[..NAME_BYTES]);
        let folder = parent.join(format!("cameod-check-{name}"));
        DirBuilder::new().mode(0o700).create(&folder).map_err(at)?;
        Ok(Self { folder })
    }

    /// An empty data folder in it.
    pub(super) fn directory(&self) -> Result<DataDirectory, ScratchError> {
        let made = DataDirectory::open(&self.folder.join("data"));
        made.map_err(|error| {
            self.at(match error {
                DirectoryError::Io(_, error) => error,
                other => io::Error::other(other),
            })
        })
    }

    /// Where the copy of the state is.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Copies a folder with its files and folders. One that is missing has nothing.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Result<(), ScratchError> {
        let mut pending = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = pending.pop() {
            fs::create_dir_all(&to).map_err(|error| self.at(error))?;
            for (path, name) in entries(&from)? {
                let target = to.join(name);
                match path.is_dir() {
                    true => pending.push((path, target)),
                    false => drop(fs::copy(&path, &target).map_err(|error| self.at(error))?),
                }
            }
        }
        Ok(())
    }

    /// Names the files of a folder in another one. A name that is changed or removed there changes
    /// nothing of its file.
    pub(super) fn link(&self, from: &Path, to: &Path) -> Result<(), ScratchError> {
        for (path, name) in entries(from)? {
            let path = path.canonicalize()?;
            symlink(path, to.join(name)).map_err(|error| self.at(error))?;
        }
        Ok(())
    }

    fn at(&self, error: io::Error) -> ScratchError {
        ScratchError::Copy {
            folder: self.folder.clone(),
            error,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "cannot remove the copies");
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, std::ffi::OsString)>> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    listed
        .map(|entry| entry.map(|entry| (entry.path(), entry.file_name())))
        .collect()
}
