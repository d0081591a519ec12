//! The places a passphrase is read from: the first line of a file, or the terminal.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

/// Longest passphrase, in bytes.
pub const PASSPHRASE_LIMIT: usize = 1024;

/// A file whose first line cannot be taken for a passphrase.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("its first line is empty")]
    Empty,
    #[error("its first line has more than {PASSPHRASE_LIMIT} bytes")]
    TooLong,
    #[error(
        "it can be read by other users: run `chmod 600` on it, and choose another passphrase if \
         they may have read it"
    )]
    Exposed,
}

/// The first line of a file that only its owner can read.
///
/// # Errors
/// See [`FileError`].
pub fn first_line(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let file = File::open(path)?;
    if is_exposed(&file.metadata()?) {
        return Err(FileError::Exposed);
    }
    // Never reallocated, so that no copy of the secret is left behind.
    let longest = PASSPHRASE_LIMIT + "\r\n".len() + 1;
    let mut line = Zeroizing::new(String::with_capacity(longest));
    BufReader::new(file)
        .take(longest as u64)
        .read_line(&mut line)?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    match length {
        0 => Err(FileError::Empty),
        length if length > PASSPHRASE_LIMIT => Err(FileError::TooLong),
        _ => Ok(line),
    }
}

/// Whether others than its owner may read a file. A pipe has no readers but its two ends.
fn is_exposed(file: &Metadata) -> bool {
    file.is_file() && file.permissions().mode() & 0o077 != 0
}

/// Asks at the terminal, without echo.
///
/// # Errors
/// When there is none.
pub fn prompt(question: &str) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(question).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn line_of(text: &str, mode: u32) -> Result<Zeroizing<String>, FileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        first_line(&path)
    }

    #[test]
    fn the_first_line_is_the_passphrase() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\nrest"] {
            assert_eq!(*line_of(text, 0o600).unwrap(), "correct horse");
        }
        let longest = "x".repeat(PASSPHRASE_LIMIT);
        assert_eq!(*line_of(&format!("{longest}\r\n"), 0o600).unwrap(), longest);
    }

    #[test]
    fn attack_a_passphrase_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o660] {
            let refused = line_of("correct horse\n", mode).unwrap_err();
            assert!(matches!(refused, FileError::Exposed), "{mode:o}");
        }
        let long = "x".repeat(PASSPHRASE_LIMIT + 1);
        assert!(matches!(line_of(&long, 0o600), Err(FileError::TooLong)));
        assert!(matches!(line_of("\nx", 0o600), Err(FileError::Empty)));
        let nowhere = first_line(Path::new("/nonexistent"));
        assert!(matches!(nowhere, Err(FileError::Io(_))));
    }
}
