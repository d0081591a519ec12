//! Files by which a folder on a real disk is told from its copies.
//!
//! An empty file, the *witness*, has an inode number and a change time (ctime), which no program
//! sets: a copy has others, and so has a file that is written over. `DATA/origin` records both. The
//! witness is made anew whenever its node takes part, so that a tool that skips files of the same
//! size and modification time does not skip it. There are two names for it in turn: at each moment
//! the record names a file that is there and unchanged.
//!
//! Not noticed: a snapshot of a file system or of a virtual machine has the same numbers, and so
//! has a folder that was moved away while its copy was in use.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::envelope::{self, EnvelopeError};
use super::origin::{NotProven, Origin, OriginError};
use super::small_file::replace_durably;
use crate::store::sync_directory;

const MAGIC: &[u8; 8] = b"cameoori";
const VERSION: u8 = 1;
const RECORD: &str = "origin";

/// What no copy of the witness has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    witness: Witness,
    inode: u64,
    /// Since 1970.
    changed_seconds: i64,
    changed_nanoseconds: i64,
}

/// Which of the two names the witness has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Witness {
    First,
    Second,
}

impl Witness {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    fn within(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::First => "origin-1",
            Self::Second => "origin-2",
        })
    }
}

impl Record {
    fn of(witness: Witness, found: &Metadata) -> Self {
        Self {
            witness,
            inode: found.ino(),
            changed_seconds: found.ctime(),
            changed_nanoseconds: found.ctime_nsec(),
        }
    }
}

/// Whether the folder is the one in which its node took part last.
///
/// # Errors
/// When a file cannot be read, or the record has another version.
pub(super) fn origin(data: &Path) -> Result<Origin, OriginError> {
    let record = match read(data)? {
        None => return Ok(Origin::MayBeCopy(NotProven::NoRecord)),
        Some(Err(EnvelopeError::Damaged)) => return Ok(Origin::MayBeCopy(NotProven::Damaged)),
        Some(Err(EnvelopeError::UnknownVersion(version))) => {
            return Err(OriginError::UnknownVersion(version));
        }
        Some(Ok(record)) => record,
    };
    match fs::symlink_metadata(record.witness.within(data)) {
        Ok(found) if Record::of(record.witness, &found) == record => Ok(Origin::Original),
        Ok(_) => Ok(Origin::MayBeCopy(NotProven::Changed)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Origin::MayBeCopy(NotProven::Gone))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the folder the one in which its node took part last.
///
/// # Errors
/// When the disk is full or gone: the folder is what it was.
pub(super) fn renew(data: &Path) -> io::Result<()> {
    let before = match read(data)? {
        Some(Ok(record)) => record.witness,
        Some(Err(_)) | None => Witness::Second,
    };
    let witness = before.other();
    let path = witness.within(data);
    remove_if_any(&path)?;
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)?;
    file.sync_all()?;
    sync_directory(data)?;
    // Its change time is final: nothing is done to it from now on.
    let record = Record::of(witness, &file.metadata()?);
    replace_durably(&data.join(RECORD), &encode(&record))?;
    remove_if_any(&before.within(data))
}

fn read(data: &Path) -> io::Result<Option<Result<Record, EnvelopeError>>> {
    match fs::read(data.join(RECORD)) {
        Ok(bytes) => Ok(Some(envelope::decode(MAGIC, VERSION, &bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn encode(record: &Record) -> Vec<u8> {
    envelope::encode(MAGIC, VERSION, record)
}

fn remove_if_any(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
