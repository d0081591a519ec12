//! The vault: typed, sealed records, one a file.
//!
//! ```text
//!  0  8  "cameorec"
//!  8  2  format of this header = 1, little-endian
//! 10  2  version of the record's type, little-endian
//! 12 24  nonce
//! 36     sealed: canonical bytes of (id, record); then the tag of 16 bytes
//! ```
//!
//! The seal authenticates the header before the nonce and the path in the vault,
//! `records/<kind>/<name>`, so that no file can be substituted for another. The name is a keyed
//! hash, so that the folder does not reveal the user's contacts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cameo_common::wire;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::file::{self, NONCE_BYTES, Nonce, UNFINISHED};
use super::home::Home;
use super::key::{VaultKey, random};
use super::lock::WriteLock;
use super::passphrase::Passphrase;
use super::record::{Record, decode};

/// Longest encoded record, in bytes.
pub const RECORD_LIMIT: usize = 64 * 1024 * 1024;
/// Longest id, in bytes.
pub const ID_LIMIT: usize = 256;

const MAGIC: &[u8; 8] = b"cameorec";
const FORMAT: u16 = 1;
const VERSION_AT: usize = MAGIC.len() + 2;
const NONCE_AT: usize = VERSION_AT + 2;
const SEALED_AT: usize = NONCE_AT + NONCE_BYTES;
const RECORDS: &str = "records";

const SEALING: &str = "cameo vault 1 sealing of records";
const NAMING: &str = "cameo vault 1 names of records";

/// An open vault. Clones share it; threads and processes may write at the same time.
#[derive(Clone, Debug)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    home: Home,
    key: VaultKey,
    sealing: Zeroizing<[u8; 32]>,
    naming: Zeroizing<[u8; 32]>,
}

/// All readable records of one kind by id, and the errors of the others.
#[derive(Debug)]
pub struct Listing<T> {
    pub records: Vec<(String, T)>,
    pub unreadable: Vec<VaultError>,
}

impl Vault {
    /// Whether the home has a vault.
    pub fn exists(home: &Home) -> bool {
        VaultKey::exists(home)
    }

    /// Creates the vault of a home.
    pub fn create(home: &Home, passphrase: &Passphrase) -> Result<Self, VaultError> {
        VaultKey::create(home, passphrase).map(|key| Self::with(home, key))
    }

    /// Opens the vault of a home.
    pub fn open(home: &Home, passphrase: &Passphrase) -> Result<Self, VaultError> {
        VaultKey::open(home, passphrase).map(|key| Self::with(home, key))
    }

    /// Replaces the passphrase. No record is rewritten.
    pub fn change_passphrase(&self, passphrase: &Passphrase) -> Result<(), VaultError> {
        self.inner.key.rewrap(self.home(), passphrase)
    }

    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// Stores a record and replaces an earlier one.
    ///
    /// # Errors
    /// Also when an earlier record cannot be read; it is then left unchanged.
    pub fn put<T: Record>(&self, id: &str, record: &T) -> Result<(), VaultError> {
        let path = self.path::<T>(id)?;
        let _lock = WriteLock::take(self.home())?;
        self.read::<T>(&path)?;
        self.write(&path, id, record)
    }

    pub fn get<T: Record>(&self, id: &str) -> Result<Option<T>, VaultError> {
        let path = self.path::<T>(id)?;
        Ok(self.read::<T>(&path)?.map(|(_, record)| record))
    }

    /// All records of a kind, sorted by id.
    ///
    /// # Errors
    /// Also when one record cannot be read. [`Vault::list_readable`] skips it.
    pub fn list<T: Record>(&self) -> Result<Vec<(String, T)>, VaultError> {
        let mut listing = self.list_readable::<T>()?;
        match listing.unreadable.pop() {
            Some(error) => Err(error),
            None => Ok(listing.records),
        }
    }

    /// The readable records of a kind, and the errors of the others.
    pub fn list_readable<T: Record>(&self) -> Result<Listing<T>, VaultError> {
        let folder = self.folder::<T>()?;
        let failed = || VaultError::io("list", &folder);
        let mut listing = Listing {
            records: Vec::new(),
            unreadable: Vec::new(),
        };
        for entry in fs::read_dir(&folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry.file_name() == UNFINISHED {
                continue;
            }
            match self.read::<T>(&entry.path()) {
                Ok(Some(record)) => listing.records.push(record),
                // Deleted after the folder was listed.
                Ok(None) => {}
                Err(error) => listing.unreadable.push(error),
            }
        }
        listing.records.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(listing)
    }

    /// Removes a record; false when there was none.
    ///
    /// # Errors
    /// Also when the record cannot be read; it is then left unchanged.
    pub fn delete<T: Record>(&self, id: &str) -> Result<bool, VaultError> {
        let path = self.path::<T>(id)?;
        let _lock = WriteLock::take(self.home())?;
        if self.read::<T>(&path)?.is_none() {
            return Ok(false);
        }
        file::remove(&path)
    }

    /// Reads, changes and writes one record under the write lock. `change` gets the record, if it
    /// exists, and returns the new one; `None` removes it. It must not write to the vault itself.
    /// Returns the result of `change`.
    pub fn update<T: Record, E: From<VaultError>>(
        &self,
        id: &str,
        change: impl FnOnce(Option<T>) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let path = self.path::<T>(id)?;
        let _lock = WriteLock::take(self.home())?;
        let before = self.read::<T>(&path)?.map(|(_, record)| record);
        let existed = before.is_some();
        let after = change(before)?;
        match &after {
            Some(record) => self.write(&path, id, record)?,
            None if existed => drop(file::remove(&path)?),
            None => {}
        }
        Ok(after)
    }

    fn with(home: &Home, key: VaultKey) -> Self {
        Self {
            inner: Arc::new(Inner {
                home: home.clone(),
                sealing: key.derive(SEALING),
                naming: key.derive(NAMING),
                key,
            }),
        }
    }

    fn folder<T: Record>(&self) -> Result<PathBuf, VaultError> {
        check_kind(T::KIND)?;
        self.home().directory(Path::new(RECORDS))?;
        self.home().directory(&Path::new(RECORDS).join(T::KIND))
    }

    fn path<T: Record>(&self, id: &str) -> Result<PathBuf, VaultError> {
        if id.len() > ID_LIMIT {
            return Err(VaultError::InvalidName(id.to_owned(), "it is too long"));
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.inner.naming);
        hasher.update(T::KIND.as_bytes());
        hasher.update(&[0]);
        hasher.update(id.as_bytes());
        let name = hasher.finalize().to_hex();
        Ok(self.folder::<T>()?.join(&name[..32]))
    }

    fn read<T: Record>(&self, path: &Path) -> Result<Option<(String, T)>, VaultError> {
        let Some(bytes) = file::read(path)? else {
            return Ok(None);
        };
        open_record(&self.inner.sealing, path, &bytes).map(Some)
    }

    fn write<T: Record>(&self, path: &Path, id: &str, record: &T) -> Result<(), VaultError> {
        let bytes = seal_record(&self.inner.sealing, random()?, path, id, record)?;
        file::write(path, &bytes)
    }
}

fn seal_record<T: Record>(
    key: &[u8; 32],
    nonce: Nonce,
    path: &Path,
    id: &str,
    record: &T,
) -> Result<Vec<u8>, VaultError> {
    let plain = wire::encode_secret(&(id, record));
    if plain.len() > RECORD_LIMIT {
        return Err(VaultError::TooLarge {
            size: plain.len(),
            limit: RECORD_LIMIT,
        });
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(T::VERSION.to_le_bytes());
    let sealed = file::seal(key, &nonce, &associated(&bytes, T::KIND, path), &plain)?;
    bytes.extend(nonce);
    bytes.extend(sealed);
    Ok(bytes)
}

fn open_record<T: Record>(
    key: &[u8; 32],
    path: &Path,
    bytes: &[u8],
) -> Result<(String, T), VaultError> {
    if bytes.len() < SEALED_AT || !bytes.starts_with(MAGIC) {
        return Err(VaultError::damaged(path, "it is not a record"));
    }
    let format = number(&bytes[MAGIC.len()..VERSION_AT]);
    if format != FORMAT {
        return Err(other_version(path, format, FORMAT));
    }
    let decode = decoder::<T>(path, number(&bytes[VERSION_AT..NONCE_AT]))?;
    let (before, rest) = bytes.split_at(NONCE_AT);
    let (nonce, sealed) = rest.split_at(NONCE_BYTES);
    let plain = file::open(key, nonce, &associated(before, T::KIND, path), sealed)
        .ok_or_else(|| VaultError::damaged(path, "its seal does not verify"))?;
    decode(&plain).ok_or_else(|| VaultError::damaged(path, "it does not decode"))
}

/// The decoder of a record's version.
fn decoder<T: Record>(path: &Path, version: u16) -> Result<Decode<T>, VaultError> {
    if version == T::VERSION {
        return Ok(decode::<T>);
    }
    let older = T::OLDER.iter().find(|older| older.version == version);
    match older {
        Some(older) => Ok(older.decode),
        None => Err(other_version(path, version, T::VERSION)),
    }
}

type Decode<T> = fn(&[u8]) -> Option<(String, T)>;

fn number(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .rev()
        .fold(0, |all, &byte| all << 8 | u16::from(byte))
}

fn other_version(path: &Path, found: u16, known: u16) -> VaultError {
    VaultError::OtherVersion {
        path: path.to_owned(),
        found,
        known,
    }
}

/// The associated data of the seal: the header and the path in the vault.
fn associated(header: &[u8], kind: &str, path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let place = [RECORDS.as_bytes(), b"/", kind.as_bytes(), b"/", name].concat();
    [header, &place].concat()
}

pub(super) fn check_kind(kind: &str) -> Result<(), VaultError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&kind.len()) && kind.bytes().all(allowed) {
        return Ok(());
    }
    let why = "a kind has 1 to 32 lower-case letters, digits and `-`";
    Err(VaultError::InvalidName(kind.to_owned(), why))
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Vault")
            .field("home", &self.home.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
