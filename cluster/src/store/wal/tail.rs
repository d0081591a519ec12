//! Check of the end of the log, before anything is changed: whether it may be cut off.
//!
//! A crash leaves at most an incomplete record at the very end, which was never acknowledged. A
//! damaged record before valid ones is different: a cut would remove acknowledged entries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cameo_mutant::{Mutant, is_planted};
use raft_log::codeq::Decode;
use raft_log::{RaftLogRecord, chunked_wal};

use super::codec::LogTypes;
use super::error::WalError;
use crate::store::rewrite_in_place;

/// Record types are below this number. Source: `raft-log`'s record format.
const RECORD_TYPES: u8 = 6;

/// An incomplete record at the end, which a start cuts off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncation {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
}

/// Reads every record of the log in `directory`.
pub(in super::super) fn inspect(directory: &Path) -> Result<Option<Truncation>, WalError> {
    let mut truncation: Option<Truncation> = None;
    for path in files(directory).map_err(WalError::Unreadable)? {
        let bytes = fs::read(&path).map_err(WalError::Unreadable)?;
        match &mut truncation {
            None => {
                let good = valid_prefix(&bytes);
                if good < bytes.len() {
                    truncation = Some(Truncation {
                        file: name(&path),
                        offset: good as u64,
                        bytes: (bytes.len() - good) as u64,
                    });
                    refuse_valid(&bytes[good + 1..], truncation.as_ref())?;
                }
            }
            Some(found) => {
                found.bytes += bytes.len() as u64;
                refuse_valid(&bytes, truncation.as_ref())?;
            }
        }
    }
    Ok(truncation)
}

/// The file that records are appended to.
pub(in super::super) fn newest_file(directory: &Path) -> io::Result<Option<PathBuf>> {
    Ok(files(directory)?.pop())
}

/// Files that may have records of a process that was killed: the newest one, and the one before it,
/// which is synced after the newest one has its name.
const UNSYNCED_FILES: usize = 2;

/// Makes every record that the log in `directory` has durable. After a process that did not stop
/// cleanly the kernel may hold records for synced that are not on the disk: they are written again.
pub(super) fn sync(directory: &Path, was_clean: bool) -> io::Result<()> {
    let files = files(directory)?;
    let synced = files.len().saturating_sub(UNSYNCED_FILES);
    for (at, path) in files.iter().enumerate() {
        match at < synced || was_clean {
            true => fs::File::open(path)?.sync_data()?,
            false => rewrite_in_place(path)?,
        }
    }
    fs::File::open(directory)?.sync_all()
}

/// Length of the valid records at the start.
fn valid_prefix(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let before = rest;
        if rest.is_empty() || !take_record(&mut rest) {
            return bytes.len() - before.len();
        }
    }
}

fn refuse_valid(bytes: &[u8], truncation: Option<&Truncation>) -> Result<(), WalError> {
    if let Some(truncation) = truncation
        && holds_valid_record(bytes)
        && !is_planted(Mutant::TornTailAccepted)
    {
        return Err(WalError::DamagedInside {
            file: truncation.file.clone(),
            offset: truncation.offset,
        });
    }
    Ok(())
}

/// Whether a valid record starts at any byte.
fn holds_valid_record(bytes: &[u8]) -> bool {
    // A file that was extended but not written ends in zeros; no record is all zeros.
    let written = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    (0..written).any(|at| {
        matches!(bytes[at..], [0, 0, 0, kind, ..] if kind < RECORD_TYPES)
            && take_record(&mut &bytes[at..])
    })
}

/// Advances past one record with a correct checksum.
fn take_record(rest: &mut &[u8]) -> bool {
    RaftLogRecord::<LogTypes>::decode(rest).is_ok()
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Ok(offset) = chunked_wal::Config::parse_chunk_file_name(&name(&path)) {
            found.push((offset, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
