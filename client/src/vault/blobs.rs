//! Blobs of the vault: files that are kept unsealed, such as carriers, which anybody may see.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::VaultError;
use super::file::{self, UNFINISHED};
use super::lock::WriteLock;
use super::store::{Vault, check_kind};

/// Longest file name, in bytes.
const NAME_LIMIT: usize = 128;

/// Folders of the home that are used otherwise.
const RESERVED: [&str; 3] = ["records", "parts", "locks"];

impl Vault {
    /// Writes `bytes` unsealed to `<home>/<kind>/<name>` and replaces an earlier blob.
    pub fn put_blob(&self, kind: &str, name: &str, bytes: &[u8]) -> Result<PathBuf, VaultError> {
        let path = self.blob_path(kind, name)?;
        let _lock = WriteLock::take(self.home())?;
        file::write(&path, bytes)?;
        Ok(path)
    }

    /// The bytes of a blob, if it exists.
    pub fn get_blob(&self, kind: &str, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        file::read(&self.blob_path(kind, name)?)
    }

    /// Removes a blob. False when there was none.
    pub fn delete_blob(&self, kind: &str, name: &str) -> Result<bool, VaultError> {
        let path = self.blob_path(kind, name)?;
        let _lock = WriteLock::take(self.home())?;
        file::remove(&path)
    }

    /// The path of a blob, whether or not it exists. Creates its folder, so that a complete
    /// transfer can be moved there.
    pub fn blob_path(&self, kind: &str, name: &str) -> Result<PathBuf, VaultError> {
        check_name(name)?;
        Ok(self.blob_folder(kind)?.join(name))
    }

    /// The names of all blobs of a kind, sorted.
    pub fn list_blobs(&self, kind: &str) -> Result<Vec<String>, VaultError> {
        let folder = self.blob_folder(kind)?;
        let failed = || VaultError::io("list", &folder);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            if name != UNFINISHED
                && let Some(name) = name.to_str()
                && check_name(name).is_ok()
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn blob_folder(&self, kind: &str) -> Result<PathBuf, VaultError> {
        check_kind(kind)?;
        if RESERVED.contains(&kind) {
            let why = "the folder is used for something else";
            return Err(VaultError::InvalidName(kind.to_owned(), why));
        }
        self.home().directory(Path::new(kind))
    }
}

fn check_name(name: &str) -> Result<(), VaultError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=NAME_LIMIT).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
    {
        return Ok(());
    }
    let why = "a file name has 1 to 128 letters, digits, `-`, `_` and `.`, and no leading `.`";
    Err(VaultError::InvalidName(name.to_owned(), why))
}
