//! Reading of a whole file within a size limit.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{FileError, refuse_dash};

/// Reads a whole file of at most `limit` bytes. Never reads more, even if the file grows meanwhile.
///
/// # Errors
/// When the path is not a regular file, is too large or cannot be read.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    refuse_dash(path)?;
    let unreadable = FileError::unreadable(path);
    // Before opening: opening a pipe would block until it has a writer.
    let found = fs::metadata(path).map_err(&unreadable)?;
    if !found.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    let too_large = |bytes: u64| FileError::TooLarge {
        path: path.to_owned(),
        bytes,
        limit,
    };
    if found.len() > limit as u64 {
        return Err(too_large(found.len()));
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(&unreadable)?;
    if bytes.len() > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let refused = read(&path, 4).unwrap_err();
        let FileError::TooLarge { bytes, limit, .. } = refused else {
            panic!("{refused}")
        };
        assert_eq!((bytes, limit), (5, 4));
    }

    #[test]
    fn no_memory_is_allocated_for_a_huge_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vast");
        // A sparse file, larger than any memory.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert!(matches!(
            read(&path, 1 << 20),
            Err(FileError::TooLarge { .. })
        ));
    }

    #[test]
    fn missing_paths_folders_devices_and_dashes_are_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: PathBuf| read(&path, 10).unwrap_err();
        assert!(matches!(
            refused(folder.path().join("none")),
            FileError::Missing(_)
        ));
        assert!(matches!(
            refused(folder.path().to_owned()),
            FileError::NotAFile(_)
        ));
        assert!(matches!(
            refused("/dev/zero".into()),
            FileError::NotAFile(_)
        ));
        assert!(matches!(refused("-".into()), FileError::Dash));
    }
}
