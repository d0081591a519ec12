//! Key files of carriers that `hide` makes: one line of text, readable by its owner only.
//!
//! ```text
//! cameo-codec-key-1 <64 lower-case hexadecimal digits>
//! ```
//! The file is enough to read what is hidden. Carriers of grants have no key file: their keys stay
//! in the vault.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cameo_codec::CodecKey;
use data_encoding::HEXLOWER;
use thiserror::Error;
use zeroize::Zeroizing;

use super::files::{self, FileError, NewFile};
use crate::clock;
use crate::error_kind::{Classified, ErrorKind};

/// Prefix of the version number.
const LABEL: &str = "cameo-codec-key-";
const VERSION: &str = "1";
/// Longest key file, in bytes, with room for later versions.
const FILE_LIMIT: usize = 1024;

/// A key file that cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the key {0} is readable by other users: run `chmod 600 {0}`")]
    OpenToOthers(PathBuf),
    #[error("{0} is not a key file: `cameo hide` makes one if the file does not exist")]
    Malformed(PathBuf),
    #[error("the key {0} was made by a newer version; update cameo")]
    OtherVersion(PathBuf),
}

impl Classified for KeyFileError {
    fn kind(&self) -> ErrorKind {
        match self {
            KeyFileError::File(error) => error.kind(),
            _ => ErrorKind::Usage,
        }
    }
}

/// A key with the path of its file, which may not be written yet.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    key: CodecKey,
    fresh: bool,
}

impl KeyFile {
    /// Reads a key file.
    ///
    /// # Errors
    /// When the file is missing, malformed, of another version, or readable by other users.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = files::read(path, FILE_LIMIT).map_err(|error| match error {
            FileError::TooLarge { path, .. } => KeyFileError::Malformed(path),
            error => error.into(),
        });
        let text = Zeroizing::new(text?);
        let unreadable = |source| FileError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(unreadable)?.mode() & 0o077 != 0 {
            return Err(KeyFileError::OpenToOthers(path.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            key: parse(path, &text)?,
            fresh: false,
        })
    }

    /// Reads a key file, or draws a key if the file does not exist; [`KeyFile::write`] writes it.
    ///
    /// # Errors
    /// As for [`KeyFile::read`], but not for a missing file.
    pub fn read_or_draw(path: &Path) -> Result<Self, KeyFileError> {
        match Self::read(path) {
            Err(KeyFileError::File(FileError::Missing(_))) => {
                NewFile::check(path)?;
                let bytes = Zeroizing::new(clock::random());
                Ok(Self {
                    path: path.to_owned(),
                    key: CodecKey::from_bytes(*bytes),
                    fresh: true,
                })
            }
            found => found,
        }
    }

    #[must_use]
    pub fn key(&self) -> &CodecKey {
        &self.key
    }

    /// Whether the key was drawn and not read.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Writes the file of a key that was drawn. Does nothing for a key that was read.
    ///
    /// # Errors
    /// When the file cannot be written, or exists by now.
    pub fn write(&self) -> Result<(), FileError> {
        if !self.fresh {
            return Ok(());
        }
        let digits = Zeroizing::new(HEXLOWER.encode(self.key.as_bytes()));
        let text = Zeroizing::new(format!("{LABEL}{VERSION} {}\n", *digits));
        let mut file = NewFile::create_private(&self.path)?;
        let written = file.writer().write_all(text.as_bytes());
        written.map_err(file.unwritten())?;
        file.commit().map(drop)
    }

    /// Removes the file that [`KeyFile::write`] wrote, when nothing was hidden with the key.
    pub fn remove_fresh(&self) {
        if self.fresh {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<CodecKey, KeyFileError> {
    let malformed = || KeyFileError::Malformed(path.to_owned());
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let (version, digits) = line
        .strip_prefix(LABEL)
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(malformed)?;
    if version != VERSION {
        return Err(KeyFileError::OtherVersion(path.to_owned()));
    }
    let mut key = Zeroizing::new([0; CodecKey::BYTES]);
    if digits.len() != 2 * CodecKey::BYTES {
        return Err(malformed());
    }
    HEXLOWER
        .decode_mut(digits.as_bytes(), key.as_mut_slice())
        .map_err(|_| malformed())?;
    Ok(CodecKey::from_bytes(*key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn the_bytes_of_a_key_file_are_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let file = KeyFile {
            path: path.clone(),
            key: CodecKey::from_bytes([0xa5; 32]),
            fresh: true,
        };
        file.write().unwrap();
        let pin = format!("cameo-codec-key-1 {}\n", "a5".repeat(32));
        assert_eq!(fs::read_to_string(&path).unwrap(), pin);
        let read = KeyFile::read(&path).unwrap();
        assert_eq!(read.key().as_bytes(), &[0xa5; 32]);
        assert!(!read.is_fresh());
    }

    #[test]
    fn a_fresh_key_is_written_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (one, other) = (
            KeyFile::read_or_draw(&path).unwrap(),
            KeyFile::read_or_draw(&path).unwrap(),
        );
        assert!(one.is_fresh() && !path.exists());
        assert_ne!(one.key().as_bytes(), other.key().as_bytes());
        one.write().unwrap();
        assert!(matches!(other.write(), Err(FileError::Exists(_))));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = KeyFile::read_or_draw(&path).unwrap();
        assert_eq!(again.key().as_bytes(), one.key().as_bytes());
        again.remove_fresh();
        assert!(path.exists(), "a key that was read is not ours to remove");
        one.remove_fresh();
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let text = format!("cameo-codec-key-1 {}\n", "00".repeat(32));
        for mode in [0o640, 0o604, 0o660] {
            let (_folder, path) = written(&text, mode);
            let refused = KeyFile::read_or_draw(&path).unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn malformed_key_files_are_refused() {
        let hex = "00".repeat(32);
        let long = format!("cameo-codec-key-1 {hex}\n\n");
        for text in [
            "",
            "\n",
            "cameo-codec-key-1",
            "cameo-codec-key-1 \n",
            &hex,
            &format!("cameo-codec-key-1 {}\n", &hex[1..]),
            &format!("cameo-codec-key-1 {hex}00\n"),
            &format!("cameo-codec-key-1 {}\n", "0A".repeat(32)),
            &format!(" cameo-codec-key-1 {hex}\n"),
            &long,
            &"k".repeat(FILE_LIMIT + 1),
        ] {
            let (_folder, path) = written(text, 0o600);
            let refused = KeyFile::read(&path).unwrap_err();
            assert!(matches!(refused, KeyFileError::Malformed(_)), "{text:?}");
        }
        let (_folder, path) = written(&format!("cameo-codec-key-2 {hex}\n"), 0o600);
        let refused = KeyFile::read(&path).unwrap_err();
        assert!(matches!(refused, KeyFileError::OtherVersion(_)));
    }

    #[test]
    fn the_key_is_not_printed() {
        let file = KeyFile {
            path: PathBuf::from("key"),
            key: CodecKey::from_bytes([0xa5; 32]),
            fresh: true,
        };
        let printed = format!("{file:?}");
        assert!(
            !printed.contains("165") && !printed.contains("a5"),
            "{printed}"
        );
    }
}
