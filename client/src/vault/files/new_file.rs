//! Atomic creation of a file that a command writes: unnamed until it is complete, then linked to
//! its path in one step.
//!
//! An existing file is never replaced, even if it appears while the new one is being written. A
//! failure or a kill leaves nothing behind. Only on a file system without unnamed files the new one
//! has a temporary name, which a kill leaves behind.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

use super::{FileError, refuse_dash};
use crate::clock;

/// Modes of a new file, before the umask: readable by everybody, or by its owner only.
const EVERYBODY: u32 = 0o666;
const OWNER_ONLY: u32 = 0o600;

/// A file being written. It is removed if dropped before [`NewFile::commit`].
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    folder: File,
    file: File,
    /// Its temporary path, where the file system requires one.
    temporary: Option<PathBuf>,
}

impl NewFile {
    /// Checks that a file can be created there. Writes nothing.
    ///
    /// # Errors
    /// When the path exists, or its folder does not.
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

    /// Begins a file that everybody may read, as far as the umask and the folder permit.
    ///
    /// # Errors
    /// As for [`NewFile::check`], or when the folder cannot be written to.
    pub fn create(target: &Path) -> Result<Self, FileError> {
        Self::begin(target, EVERYBODY)
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
        // Opened first, because `commit` has to sync the folder: one that cannot be read is refused
        // before anything is written.
        let folder = File::open(folder(target)).map_err(FileError::unwritten(target))?;
        match open_unnamed(&folder, mode) {
            Some(file) => Ok(Self {
                target: target.to_owned(),
                folder,
                file,
                temporary: None,
            }),
            None => Self::with_temporary_name(target, folder, mode),
        }
    }

    fn with_temporary_name(target: &Path, folder: File, mode: u32) -> Result<Self, FileError> {
        let name = format!(
            ".cameo-{}.unfinished",
            HEXLOWER.encode(&clock::random::<8>())
        );
        let temporary = self::folder(target).join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)
            .map_err(FileError::unwritten(target))?;
        Ok(Self {
            target: target.to_owned(),
            folder,
            file,
            temporary: Some(temporary),
        })
    }

    /// The file to write to. Buffered writers must be flushed before [`NewFile::commit`].
    pub fn writer(&mut self) -> &mut File {
        &mut self.file
    }

    /// For `map_err` on writes to [`NewFile::writer`].
    pub fn unwritten(&self) -> impl Fn(io::Error) -> FileError + use<> {
        FileError::unwritten(&self.target)
    }

    /// Syncs the contents to the disk. The file is not at its path yet.
    ///
    /// # Errors
    /// When the sync fails.
    pub fn sync(&self) -> Result<(), FileError> {
        self.file.sync_all().map_err(self.unwritten())
    }

    /// Syncs the file to the disk and links it to its path. Returns its length in bytes.
    ///
    /// # Errors
    /// When the sync fails, or the path exists by now. Then the file is not at its path.
    pub fn commit(self) -> Result<u64, FileError> {
        self.sync()?;
        let unwritten = self.unwritten();
        let length = self.file.metadata().map_err(&unwritten)?.len();
        match &self.temporary {
            None => self.link_unnamed()?,
            Some(temporary) => self.link_temporary(temporary)?,
        }
        if let Err(error) = sync_folder(&self.folder)
            // If the removal fails, the file is complete, though it may not survive a power loss.
            && fs::remove_file(&self.target).is_ok()
        {
            return Err(unwritten(error));
        }
        Ok(length)
    }

    fn link_unnamed(&self) -> Result<(), FileError> {
        let file = proc_path(&self.file);
        let name = self.target.file_name().unwrap_or_default();
        linkat(CWD, &file, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
            .map_err(|error| self.link_error(error.into()))
    }

    /// Hard-links the path and leaves the temporary name to `drop`: unlike a rename, this never
    /// replaces a file. A file system without hard links gets a rename.
    fn link_temporary(&self, temporary: &Path) -> Result<(), FileError> {
        match fs::hard_link(temporary, &self.target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(self.link_error(error))
            }
            Err(_) => {
                Self::check(&self.target)?;
                fs::rename(temporary, &self.target).map_err(self.unwritten())
            }
        }
    }

    fn link_error(&self, error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(self.target.clone()),
            _ => self.unwritten()(error),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // After a commit this is a second link, or nothing.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// An unnamed file (open(2), `O_TMPFILE`). `None` where the file system has none, or without
/// `/proc`.
fn open_unnamed(folder: &File, mode: u32) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file: File = openat(folder, ".", flags, Mode::from_raw_mode(mode))
        .ok()?
        .into();
    proc_path(&file).exists().then_some(file)
}

/// The path by which an open file is linked (open(2), `O_TMPFILE`).
fn proc_path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Syncs a folder, where the file system supports that.
fn sync_folder(folder: &File) -> io::Result<()> {
    match folder.sync_all() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
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

    type Begin = fn(&Path) -> NewFile;

    /// The two ways to create a file, which have to meet the same guarantees.
    const WAYS: [Begin; 2] = [|target| NewFile::create(target).unwrap(), temporary];

    fn temporary(target: &Path) -> NewFile {
        let folder = File::open(folder(target)).unwrap();
        NewFile::with_temporary_name(target, folder, EVERYBODY).unwrap()
    }

    #[test]
    fn a_file_appears_complete_or_not_at_all() {
        for begin in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("new");
            let mut file = begin(&target);
            file.writer().write_all(b"half").unwrap();
            assert!(!target.exists());
            drop(file);
            assert!(names(folder.path()).is_empty());

            let mut file = begin(&target);
            file.writer().write_all(b"whole").unwrap();
            assert_eq!(file.commit().unwrap(), 5);
            assert_eq!(fs::read(&target).unwrap(), b"whole");
            assert_eq!(names(folder.path()), ["new"]);
        }
    }

    #[test]
    fn an_existing_file_is_not_replaced_even_if_it_appears_meanwhile() {
        for begin in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("new");
            let mut file = begin(&target);
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
    }

    #[test]
    fn a_kill_while_writing_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create_private(&folder.path().join("key")).unwrap();
        file.writer().write_all(b"secret").unwrap();
        if file.temporary.is_some() {
            eprintln!("skipped: this file system has no unnamed files");
            return;
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_whose_folder_cannot_be_synced_is_removed() {
        for begin in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("new");
            let mut file = begin(&target);
            file.writer().write_all(b"whole").unwrap();
            // Can be linked into, and not be synced.
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            file.folder = openat(CWD, folder.path(), flags, Mode::empty())
                .unwrap()
                .into();
            assert!(matches!(file.commit(), Err(FileError::Io { .. })));
            assert!(names(folder.path()).is_empty());
        }
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o300)).unwrap();
        if File::open(folder.path()).is_ok() {
            eprintln!("skipped: this user can read every folder");
            return;
        }
        let refused = NewFile::create(&folder.path().join("new")).unwrap_err();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(refused, FileError::Io { .. }), "{refused}");
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_dangling_link_counts_as_existing() {
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
    fn a_private_file_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("key");
        NewFile::create_private(&target).unwrap().commit().unwrap();
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
