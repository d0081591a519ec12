//! A file that a verb makes: without a name until it is whole, then in its place at one stroke.
//!
//! What is there already stays, also when it appears while the new one is being written. Whatever
//! fails on the way, nothing is left behind, even where the program is killed; only on a file system
//! that knows no files without a name it has one meanwhile, and keeps that when the program is killed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

use super::{FileError, refuse_dash};
use crate::clock;

/// Who may read a new file, before the person's umask: everybody, or its owner alone.
const ANYBODY: u32 = 0o666;
const OWNER_ONLY: u32 = 0o600;

/// A file on its way; dropped before [`NewFile::commit`], it is gone.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    folder: File,
    file: File,
    /// Its name until it is whole, where it needs one.
    unfinished: Option<PathBuf>,
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
        // Now, since it is needed in the end: a folder that cannot be read cannot be brought to the disk.
        let folder = File::open(folder(target)).map_err(FileError::unwritten(target))?;
        match without_a_name(&folder, mode) {
            Some(file) => Ok(Self {
                target: target.to_owned(),
                folder,
                file,
                unfinished: None,
            }),
            None => Self::under_another_name(target, folder, mode),
        }
    }

    fn under_another_name(target: &Path, folder: File, mode: u32) -> Result<Self, FileError> {
        let name = format!(
            ".cameo-{}.unfinished",
            HEXLOWER.encode(&clock::random::<8>())
        );
        let unfinished = self::folder(target).join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished)
            .map_err(FileError::unwritten(target))?;
        Ok(Self {
            target: target.to_owned(),
            folder,
            file,
            unfinished: Some(unfinished),
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
    /// When the disk does not take it, or something else is there by now. Then it is not in its place.
    pub fn commit(self) -> Result<u64, FileError> {
        self.sync()?;
        let unwritten = self.unwritten();
        let length = self.file.metadata().map_err(&unwritten)?.len();
        match &self.unfinished {
            None => self.place_by_its_first_name()?,
            Some(unfinished) => self.place_by_another_name(unfinished)?,
        }
        if let Err(error) = sync_folder(&self.folder)
            // What cannot be removed again is there, whole; that it outlives a power loss is not certain.
            && fs::remove_file(&self.target).is_ok()
        {
            return Err(unwritten(error));
        }
        Ok(length)
    }

    fn place_by_its_first_name(&self) -> Result<(), FileError> {
        let file = open_file(&self.file);
        let name = self.target.file_name().unwrap_or_default();
        linkat(CWD, &file, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
            .map_err(|error| self.not_placed(error.into()))
    }

    /// A second name and then the loss of the first: unlike a rename, this never replaces a file. Where the
    /// file system knows no second names, a rename has to do.
    fn place_by_another_name(&self, unfinished: &Path) -> Result<(), FileError> {
        match fs::hard_link(unfinished, &self.target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(self.not_placed(error))
            }
            Err(_) => {
                Self::check(&self.target)?;
                fs::rename(unfinished, &self.target).map_err(self.unwritten())
            }
        }
    }

    fn not_placed(&self, error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(self.target.clone()),
            _ => self.unwritten()(error),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // After a commit this is the second name, or nothing.
            let _ = fs::remove_file(unfinished);
        }
    }
}

/// `None` where the file system, or a missing `/proc`, does not permit it.
fn without_a_name(folder: &File, mode: u32) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file: File = openat(folder, ".", flags, Mode::from_raw_mode(mode))
        .ok()?
        .into();
    open_file(&file).exists().then_some(file)
}

/// The path by which an open file gets a name (open(2), O_TMPFILE).
fn open_file(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Not every file system can; one that cannot has nothing to be waited for.
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

    /// The two ways to begin a file; each has to keep the same promises.
    const WAYS: [Begin; 2] = [|target| NewFile::create(target).unwrap(), named];

    fn named(target: &Path) -> NewFile {
        let folder = File::open(folder(target)).unwrap();
        NewFile::under_another_name(target, folder, ANYBODY).unwrap()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
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
    fn what_is_there_or_appears_meanwhile_stays() {
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
    fn while_it_is_written_there_is_nothing_that_a_kill_could_leave_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create_private(&folder.path().join("key")).unwrap();
        file.writer().write_all(b"secret").unwrap();
        if file.unfinished.is_some() {
            eprintln!("skipped by name: this file system knows no files without a name");
            return;
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_whose_folder_cannot_be_brought_to_the_disk_is_not_there() {
        for begin in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("new");
            let mut file = begin(&target);
            file.writer().write_all(b"whole").unwrap();
            // Good for naming what is in it, and for nothing else.
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            file.folder = openat(CWD, folder.path(), flags, Mode::empty())
                .unwrap()
                .into();
            assert!(matches!(file.commit(), Err(FileError::Io { .. })));
            assert!(names(folder.path()).is_empty());
        }
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_refused_before_anything_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o300)).unwrap();
        if File::open(folder.path()).is_ok() {
            eprintln!("skipped by name: to this user every folder can be read");
            return;
        }
        let refused = NewFile::create(&folder.path().join("new")).unwrap_err();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(refused, FileError::Io { .. }), "{refused}");
        assert!(names(folder.path()).is_empty());
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
