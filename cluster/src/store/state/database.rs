//! The sled database of one generation: the machine's rows and two rows of the store.

use std::fs::{self, File};
use std::io;
use std::ops::{Bound, Deref};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use cameo_common::wire::VersionError;

use super::digest::RowDigest;
use super::resident::{Resident, decode_block};
use crate::store::failure::stop_process;
use crate::store::meta::{Applied, MetaError};

/// Row of the store: the last applied entry.
pub(super) const META_KEY: &[u8] = b"\x00applied";
/// Row of the store: the digest of the machine's rows.
pub(super) const DIGEST_KEY: &[u8] = b"\x00digest";
/// Prefix of the machine's rows, so that they never collide with the store's.
pub(super) const ROW_PREFIX: u8 = 1;
/// Prefix of the blocks of resident rows; their number follows.
const BLOCK_PREFIX: u8 = 2;
const SLED_CACHE_BYTES: u64 = 64 << 20;
/// Interval at which a flush that waits looks for an error.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why a state on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GenerationError {
    #[error("sled: {0}")]
    Sled(#[from] sled::Error),
    #[error("sled panicked while it was opened or checked")]
    Panicked,
    #[error("a write to it has failed before")]
    Failed,
    #[error("it has no record of what was applied")]
    NoMeta,
    #[error("its record of what was applied: {0}")]
    Meta(#[from] MetaError),
    #[error("a block of resident rows: {0}")]
    Block(#[from] VersionError),
    #[error("it has a row of an unknown kind")]
    UnknownRow,
    #[error("its rows differ from its digest")]
    OtherRows,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// An open sled database.
///
/// A flush of sled 0.34.7 may wait for ever after a write that has failed, and its destructor
/// flushes too. Where the write was given to another thread, that thread sets the error and wakes
/// nobody (`exit_reservation` in `pagecache/logger.rs`). Where it fails in the caller, as a value
/// in a file of its own, no error is set, and what was reserved for it in the log never comes.
pub(super) struct Database {
    sled: sled::Db,
    /// Shares the error of the database.
    config: sled::Config,
    /// A call has returned an error: nothing is flushed any more.
    has_failed: AtomicBool,
}

impl Deref for Database {
    type Target = sled::Db;

    fn deref(&self) -> &sled::Db {
        &self.sled
    }
}

impl Database {
    pub fn open(path: &Path) -> Result<Self, GenerationError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(SLED_CACHE_BYTES)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None);
        let sled = config.open()?;
        Ok(Self {
            sled,
            config,
            has_failed: AtomicBool::new(false),
        })
    }

    /// Writes a batch as one.
    pub fn apply_batch(&self, batch: sled::Batch) -> Result<(), GenerationError> {
        self.note(self.sled.apply_batch(batch))
    }

    fn note(&self, done: sled::Result<()>) -> Result<(), GenerationError> {
        if done.is_err() {
            self.has_failed.store(true, Ordering::Release);
        }
        Ok(done?)
    }

    /// Flushes sled's buffers to the kernel. Not an fsync. Blocks, and ends after a failed write.
    pub fn flush(&self) -> Result<(), GenerationError> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(GenerationError::Failed);
        }
        let (done, is_done) = sync_channel::<()>(0);
        let flushed = thread::scope(|scope| {
            let wake = move || {
                while is_done.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    if self.config.global_error().is_err() {
                        // It returns the error at once, and wakes the one that waits.
                        drop(self.sled.flush());
                    }
                }
            };
            let waker = thread::Builder::new().name("sled-waker".to_owned());
            if let Err(error) = waker.spawn_scoped(scope, wake) {
                tracing::debug!(%error, "a flush of the state has no thread that wakes it");
            }
            let flushed = self.sled.flush();
            drop(done);
            flushed
        });
        self.note(flushed.map(drop))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.flush().is_err() {
            // Its destructor would wait for ever. What it holds is small, and this is rare.
            std::mem::forget(self.sled.clone());
        }
    }
}

/// The file of sled within its folder.
const SLED_FILE: &str = "db";

/// Removes a database that could not be filled. sled may keep its file open until the process ends:
/// it is emptied first.
pub(in super::super) fn release(path: &Path) {
    let emptied = File::options().write(true).open(path.join(SLED_FILE));
    let emptied = emptied.and_then(|file| file.set_len(0));
    let removed = fs::remove_dir_all(path);
    for freed in [emptied, removed] {
        if let Err(error) = freed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the space of an incomplete database is not freed yet");
        }
    }
}

/// What a database is found to have.
#[derive(Default)]
pub(super) struct Found {
    pub applied: Applied,
    pub digest: RowDigest,
    pub resident: Resident,
}

/// Reads what a start needs: no row but the resident ones.
pub(super) fn read(database: &sled::Db) -> Result<Found, GenerationError> {
    let meta = database.get(META_KEY)?.ok_or(GenerationError::NoMeta)?;
    let digest = database.get(DIGEST_KEY)?.ok_or(GenerationError::NoMeta)?;
    let mut found = Found {
        applied: Applied::decode(&meta)?,
        digest: RowDigest::decode(&digest)?,
        resident: Resident::default(),
    };
    for row in database.scan_prefix([BLOCK_PREFIX]) {
        let (key, value) = row?;
        read_block(&mut found.resident, &key[1..], &value)?;
    }
    Ok(found)
}

/// Reads every row, and compares them with their digest.
pub(super) fn check(database: &sled::Db) -> Result<Found, GenerationError> {
    let found = read(database)?;
    let mut digest = RowDigest::default();
    for row in database.iter() {
        let (key, value) = row?;
        match key.split_first() {
            Some((&ROW_PREFIX, key)) => digest.add(key, &value),
            Some((&BLOCK_PREFIX, _)) => {}
            _ if key == META_KEY || key == DIGEST_KEY => {}
            _ => return Err(GenerationError::UnknownRow),
        }
    }
    for (key, value) in found.resident.range(Bound::Unbounded) {
        digest.add(key, value);
    }
    match digest == found.digest {
        true => Ok(found),
        false => Err(GenerationError::OtherRows),
    }
}

fn read_block(into: &mut Resident, number: &[u8], value: &[u8]) -> Result<(), GenerationError> {
    let number = number.try_into().map(u64::from_be_bytes);
    let number = number.map_err(|_| GenerationError::UnknownRow)?;
    into.take_block(number, &decode_block(value)?);
    Ok(())
}

pub(super) fn block_key(number: u64) -> Vec<u8> {
    let mut stored = vec![BLOCK_PREFIX];
    stored.extend_from_slice(&number.to_be_bytes());
    stored
}

/// Ends the process if a row cannot be read: it must not look like a missing row. The next start
/// detects the damage and rebuilds the state from the snapshot and the log.
pub(super) fn readable<T>(result: sled::Result<T>) -> T {
    result.unwrap_or_else(|error| stop_process("cannot read the state", &error))
}

/// A row's key in sled.
pub(super) fn row_key(key: &[u8]) -> Vec<u8> {
    [&[ROW_PREFIX], key].concat()
}

/// [`row_key`] in a buffer, for many rows.
pub(super) fn prefixed<'a>(key: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    buffer.push(ROW_PREFIX);
    buffer.extend_from_slice(key);
    buffer
}
