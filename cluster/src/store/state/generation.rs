//! One sled database and, in memory, the rows that are not in it yet.
//!
//! Every row change has the version at which it was made (index + 1 of its entry). A reader sees
//! the state at one version: the overlay's newest change up to it, otherwise sled. The drain writes
//! changes up to a version into sled only when no reader of an older version is left, and removes
//! them from the overlay only afterwards, so a reader never sees a partial change.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::database::{
    DIGEST_KEY, GenerationError, META_KEY, ROW_PREFIX, check, open_sled, readable, row_key,
};
use super::digest::RowDigest;
use super::overlay::Overlay;
use crate::store::meta::Applied;
use cameo_machine::{Change, Rows};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

struct Marks {
    visible: Arc<Applied>,
    /// Last entry whose changes are in sled.
    written: Arc<Applied>,
    /// Digest of the rows in sled.
    digest: RowDigest,
    /// Number of readers at each version.
    readers: BTreeMap<u64, usize>,
}

pub(crate) struct Generation {
    path: PathBuf,
    database: sled::Db,
    overlay: RwLock<Overlay>,
    marks: Mutex<Marks>,
    /// Held while rows go from the overlay to sled, and while a digest is made of both.
    moving: Mutex<()>,
    reader_left: Condvar,
    written: Condvar,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// Creates an empty database in a directory that does not exist yet.
    pub fn create(path: &Path) -> Result<Self, GenerationError> {
        let database = open_sled(path)?;
        let (applied, digest) = (Applied::default(), RowDigest::default());
        let mut batch = sled::Batch::default();
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, digest.encode());
        database.apply_batch(batch)?;
        Ok(Self::new(path, database, applied, digest))
    }

    /// Opens a database and reads all of it once, because sled detects damage only in pages it
    /// reads.
    pub fn open(path: &Path) -> Result<Self, GenerationError> {
        let open = || {
            let database = open_sled(path)?;
            let (applied, digest) = check(&database)?;
            Ok(Self::new(path, database, applied, digest))
        };
        // sled panics on some kinds of damage.
        std::panic::catch_unwind(open).unwrap_or(Err(GenerationError::Panicked))
    }

    fn new(path: &Path, database: sled::Db, applied: Applied, digest: RowDigest) -> Self {
        let applied = Arc::new(applied);
        let marks = Marks {
            written: Arc::clone(&applied),
            visible: applied,
            digest,
            readers: BTreeMap::new(),
        };
        Self {
            path: path.to_owned(),
            database,
            overlay: RwLock::default(),
            marks: Mutex::new(marks),
            moving: Mutex::new(()),
            reader_left: Condvar::new(),
            written: Condvar::new(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock()
    }

    pub fn applied(&self) -> Arc<Applied> {
        Arc::clone(&self.marks().visible)
    }

    fn overlay(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read()
    }

    fn overlay_mut(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write()
    }

    pub fn overlay_bytes(&self) -> usize {
        self.overlay().bytes()
    }

    /// Writes rows of a snapshot directly into a database that has no readers yet.
    pub fn load(&self, rows: &Rows) -> Result<(), GenerationError> {
        let mut batch = sled::Batch::default();
        let mut marks = self.marks();
        for (key, value) in rows {
            marks.digest.add(key, value);
            batch.insert(row_key(key), value.as_slice());
        }
        Ok(self.database.apply_batch(batch)?)
    }

    /// Ends loading and sets the last applied entry.
    pub fn finish_load(&self, applied: Applied) -> Result<(), GenerationError> {
        let mut marks = self.marks();
        let mut batch = sled::Batch::default();
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, marks.digest.encode());
        self.database.apply_batch(batch)?;
        self.database.flush()?;
        marks.written = Arc::new(applied);
        marks.visible = Arc::clone(&marks.written);
        Ok(())
    }

    /// Adds the changes of one entry. `get` at this version sees them at once, readers after
    /// `publish`.
    pub fn insert(&self, version: u64, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut overlay = self.overlay_mut();
        for change in changes {
            overlay.insert(version, change);
        }
    }

    pub fn publish(&self, applied: Applied) {
        self.marks().visible = Arc::new(applied);
    }

    /// Starts a read at the visible version.
    pub fn enter(&self) -> Arc<Applied> {
        let mut marks = self.marks();
        let applied = Arc::clone(&marks.visible);
        *marks.readers.entry(applied.version()).or_default() += 1;
        applied
    }

    pub fn leave(&self, version: u64) {
        let mut marks = self.marks();
        if let Some(count) = marks.readers.get_mut(&version) {
            *count -= 1;
            if *count == 0 {
                marks.readers.remove(&version);
                self.reader_left.notify_all();
            }
        }
    }

    pub fn get(&self, version: u64, key: &[u8]) -> Option<Vec<u8>> {
        if let Some(value) = self.overlay().get(version, key) {
            return value.clone();
        }
        readable(self.database.get(row_key(key))).map(|value| value.to_vec())
    }

    /// At most `limit` rows in key order, from `start` on, while the key starts with `prefix`.
    pub fn scan(&self, version: u64, prefix: &[u8], start: Bound<&[u8]>, limit: usize) -> Rows {
        let overlay = self.overlay();
        let mut in_memory = overlay
            .range(version, start)
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        let mut stored = self.stored_rows(prefix, start).peekable();
        let mut rows = Rows::new();
        while rows.len() < limit {
            let take_memory = match (in_memory.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((key, _)), Some((other, _))) => key.as_slice() <= &other[1..],
            };
            if take_memory {
                let Some((key, value)) = in_memory.next() else {
                    break;
                };
                if stored
                    .peek()
                    .is_some_and(|(other, _)| other[1..] == key[..])
                {
                    stored.next();
                }
                rows.extend(value.clone().map(|value| (key.clone(), value)));
            } else if let Some((key, value)) = stored.next() {
                rows.push((key[1..].to_vec(), value.to_vec()));
            }
        }
        rows
    }

    /// The rows in sled, in key order.
    fn stored_rows<'a>(
        &self,
        prefix: &'a [u8],
        start: Bound<&[u8]>,
    ) -> impl Iterator<Item = (sled::IVec, sled::IVec)> + use<'a> {
        let lower = match start {
            Bound::Included(key) => Bound::Included(row_key(key)),
            Bound::Excluded(key) => Bound::Excluded(row_key(key)),
            Bound::Unbounded => Bound::Included(vec![ROW_PREFIX]),
        };
        self.database
            .range::<Vec<u8>, _>((lower, Bound::Unbounded))
            .map(readable)
            .take_while(move |(key, _)| key[0] == ROW_PREFIX && key[1..].starts_with(prefix))
    }

    /// The digest of the visible rows. Blocks, and hashes what is not in sled yet.
    pub fn newest_digest(&self) -> (Arc<Applied>, RowDigest) {
        let moving = self.moving.lock();
        let applied = self.applied();
        let digest = self.digest_with_overlay(&moving, &applied);
        (applied, digest)
    }

    /// The digest of the rows at one version. Call only while a reader of that version is there, so
    /// that sled does not go beyond it. Blocks as `newest_digest`.
    pub fn digest_of(&self, applied: &Applied) -> RowDigest {
        self.digest_with_overlay(&self.moving.lock(), applied)
    }

    /// The same if the overlay has at most `rows` rows, and nothing is written to sled just now.
    pub fn cheap_digest(&self, rows: usize) -> Option<(Arc<Applied>, RowDigest)> {
        let moving = self.moving.try_lock()?;
        (self.overlay().rows() <= rows).then(|| {
            let applied = self.applied();
            let digest = self.digest_with_overlay(&moving, &applied);
            (applied, digest)
        })
    }

    /// The digest of the rows in sled.
    pub fn written_digest(&self) -> (Arc<Applied>, RowDigest) {
        let marks = self.marks();
        (Arc::clone(&marks.written), marks.digest.clone())
    }

    fn digest_with_overlay(&self, _moving: &MutexGuard<'_, ()>, applied: &Applied) -> RowDigest {
        let mut digest = self.marks().digest.clone();
        let changes: Vec<_> = {
            let overlay = self.overlay();
            let changes = overlay.range(applied.version(), Bound::Unbounded);
            changes
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        for (key, value) in changes {
            let before = readable(self.database.get(row_key(&key)));
            digest.change(&key, before.as_deref(), value.as_deref());
        }
        digest
    }

    /// The version that `write_back` would write, or `None` when sled is up to date.
    pub fn unwritten(&self) -> Option<Arc<Applied>> {
        let marks = self.marks();
        (marks.visible.version() > marks.written.version()).then(|| Arc::clone(&marks.visible))
    }

    /// Waits until there is no reader before `version`; false at the timeout.
    pub fn wait_for_readers(&self, version: u64, timeout: Duration) -> bool {
        let blocked = |marks: &mut Marks| {
            marks
                .readers
                .first_key_value()
                .is_some_and(|(at, _)| *at < version)
        };
        let mut marks = self.marks();
        self.reader_left
            .wait_while_for(&mut marks, blocked, timeout);
        // The condition may have come true at the last instant of a wait that timed out.
        !blocked(&mut marks)
    }

    /// Writes everything up to `applied` in one atomic batch and removes it from the overlay. Call
    /// only after `wait_for_readers`.
    pub fn write_back(&self, applied: &Arc<Applied>) -> Result<(), GenerationError> {
        let _moving = self.moving.lock();
        let version = applied.version();
        let mut digest = self.marks().digest.clone();
        let mut batch = sled::Batch::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            // In pieces that are copied, so that applying never waits long for the lock.
            let overlay = self.overlay();
            let piece = overlay.piece(after.as_deref());
            let rows: Vec<_> = piece
                .keys()
                .iter()
                .filter_map(|key| Some((key.clone(), overlay.get(version, key)?.clone())))
                .collect();
            drop(overlay);
            for (key, value) in rows {
                self.stage(&mut batch, &mut digest, &key, value.as_deref())?;
            }
            after = piece.next();
            if after.is_none() {
                break;
            }
        }
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, digest.encode());
        self.database.apply_batch(batch)?;
        self.prune(version);
        let mut marks = self.marks();
        marks.written = Arc::clone(applied);
        marks.digest = digest;
        self.written.notify_all();
        Ok(())
    }

    fn stage(
        &self,
        batch: &mut sled::Batch,
        digest: &mut RowDigest,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), GenerationError> {
        let stored = row_key(key);
        let before = self.database.get(&stored)?;
        digest.change(key, before.as_deref(), value);
        match value {
            Some(value) => batch.insert(stored, value),
            None => batch.remove(stored),
        }
        Ok(())
    }

    /// Waits until sled has everything that is visible now; false at the timeout.
    pub fn wait_written(&self, timeout: Duration) -> bool {
        let mut marks = self.marks();
        let wanted = marks.visible.version();
        let blocked = |marks: &mut Marks| marks.written.version() < wanted;
        self.written.wait_while_for(&mut marks, blocked, timeout);
        !blocked(&mut marks)
    }

    fn prune(&self, version: u64) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut overlay = self.overlay_mut();
            let piece = overlay.piece(after.as_deref());
            overlay.prune(version, piece.keys());
            after = piece.next();
            if after.is_none() {
                return;
            }
        }
    }

    /// Flushes sled's buffers to the kernel, so that a kill of the process loses little. Not an
    /// fsync.
    pub fn flush(&self) -> Result<(), GenerationError> {
        self.database.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
