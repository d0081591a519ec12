//! Reading a whole file that is no larger than it may be.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{FileError, refuse_dash};

/// The whole file, if it has at most `limit` bytes; more are not read even where a file grows meanwhile.
///
/// # Errors
/// See [`FileError`].
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    refuse_dash(path)?;
    let unreadable = FileError::unreadable(path);
    // Before it is opened: opening a pipe would wait for its writer.
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
    fn a_file_is_read_up_to_its_limit_and_not_a_byte_beyond() {
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
    fn a_vast_file_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vast");
        // Sparse: longer than any memory.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert!(matches!(
            read(&path, 1 << 20),
            Err(FileError::TooLarge { .. })
        ));
    }

    #[test]
    fn what_is_no_file_is_told_apart() {
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
