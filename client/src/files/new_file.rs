//! A file that a verb makes: under another name until it is whole, then in its place at one stroke.
//!
//! What is there already stays, also when it appears while the new one is being written. Whatever
//! fails on the way, nothing is left behind.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::{FileError, refuse_dash};
use crate::clock;

/// Who may read a new file, before the person's umask: everybody, or its owner alone.
const ANYBODY: u32 = 0o666;
const OWNER_ONLY: u32 = 0o600;

/// A file on its way; dropped before [`NewFile::commit`], it is gone.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    unfinished: PathBuf,
    file: File,
}

impl NewFile {
    /// Whether a file can be made there; nothing is written yet.
    ///
    /// # Errors
    /// When something is there, or no folder is.
    pub fn check(target: &Path) -> Result<(), FileError> {
        refuse_dash(target)?;
        if target.symlink_metadata().is_ok() {
            return Err(FileError::Exists(target.to_owned()));
        }
        if target.file_name().is_none() || !folder(target).is_dir() {
            return Err(FileError::NoFolder(target.to_owned()));
        }
        Ok(())
    }

    /// Begins a file that its folder's readers may read.
    ///
    /// # Errors
    /// As for [`NewFile::check`], or when the folder cannot be written to.
    pub fn create(target: &Path) -> Result<Self, FileError> {
        Self::begin(target, ANYBODY)
    }

    /// Begins a file that only its owner may read.
    ///
    /// # Errors
    /// As for [`NewFile::create`].
    pub fn create_private(target: &Path) -> Result<Self, FileError> {
        Self::begin(target, OWNER_ONLY)
    }

    fn begin(target: &Path, mode: u32) -> Result<Self, FileError> {
        Self::check(target)?;
        let name = format!(
            ".cameo-{}.unfinished",
            HEXLOWER.encode(&clock::random::<8>())
        );
        let unfinished = folder(target).join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished)
            .map_err(FileError::unwritten(target))?;
        Ok(Self {
            target: target.to_owned(),
            unfinished,
            file,
        })
    }

    /// Where the bytes go; what is buffered has to be flushed before the rest.
    pub fn writer(&mut self) -> &mut File {
        &mut self.file
    }

    /// For `map_err` after writing to [`NewFile::writer`].
    pub fn unwritten(&self) -> impl Fn(io::Error) -> FileError + use<> {
        FileError::unwritten(&self.target)
    }

    /// All of it on the disk, though not in its place.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn sync(&self) -> Result<(), FileError> {
        self.file.sync_all().map_err(self.unwritten())
    }

    /// On the disk and in its place. Returns its length.
    ///
    /// # Errors
    /// When the disk does not take it, or something else is there by now.
    pub fn commit(self) -> Result<u64, FileError> {
        self.sync()?;
        let unwritten = self.unwritten();
        let length = self.file.metadata().map_err(&unwritten)?.len();
        self.place()?;
        let synced = File::open(folder(&self.target)).and_then(|folder| folder.sync_all());
        synced.map_err(&unwritten)?;
        Ok(length)
    }

    /// A second name and then the loss of the first: unlike a rename, this never replaces a file. Where the
    /// file system knows no second names, a rename has to do.
    fn place(&self) -> Result<(), FileError> {
        match fs::hard_link(&self.unfinished, &self.target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FileError::Exists(self.target.clone()))
            }
            Err(_) => {
                Self::check(&self.target)?;
                fs::rename(&self.unfinished, &self.target).map_err(self.unwritten())
            }
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a commit this is the second name, or nothing.
        let _ = fs::remove_file(&self.unfinished);
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new");
        let mut file = NewFile::create(&target).unwrap();
        file.writer().write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());

        let mut file = NewFile::create(&target).unwrap();
        file.writer().write_all(b"whole").unwrap();
        assert_eq!(file.commit().unwrap(), 5);
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn what_is_there_or_appears_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new");
        let mut file = NewFile::create(&target).unwrap();
        file.writer().write_all(b"mine").unwrap();
        fs::write(&target, b"another's").unwrap();
        assert!(matches!(file.commit(), Err(FileError::Exists(_))));
        assert!(matches!(
            NewFile::create(&target),
            Err(FileError::Exists(_))
        ));
        assert_eq!(fs::read(&target).unwrap(), b"another's");
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn a_link_to_nowhere_is_there_too() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("link");
        symlink("nowhere", &target).unwrap();
        assert!(matches!(NewFile::check(&target), Err(FileError::Exists(_))));
    }

    #[test]
    fn a_file_needs_a_folder_and_a_name() {
        let folder = tempfile::tempdir().unwrap();
        for target in [folder.path().join("none/new"), "/".into(), "..".into()] {
            assert!(NewFile::check(&target).is_err(), "{}", target.display());
        }
        assert!(matches!(
            NewFile::check(Path::new("-")),
            Err(FileError::Dash)
        ));
        NewFile::check(Path::new("a name that is not there")).unwrap();
    }

    #[test]
    fn a_private_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("key");
        NewFile::create_private(&target).unwrap().commit().unwrap();
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
