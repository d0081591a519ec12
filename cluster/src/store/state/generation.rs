//! One sled database and, in memory, the rows that are not in it yet.
//!
//! Every row change has the version at which it was made (index + 1 of its entry). A reader sees
//! the state at one version: the overlay's newest change up to it, otherwise a resident row, or
//! what is in sled, of which a cache has the rows that entries are decided by. The drain writes
//! changes up to a version into sled only when no reader of an older version is left, and removes
//! them from the overlay only afterwards, so a reader never sees a partial change.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::{
    DIGEST_KEY, Database, Found, GenerationError, META_KEY, block_key, check, read, readable,
    release, row_key,
};
use super::digest::RowDigest;
use super::kept::Walks;
use super::overlay::Overlay;
use super::resident::{BLOCK_ROWS, Resident, encode_block};
use super::row::{Changes, Value};
use super::row_cache::RowCache;
use super::scan;
use super::steps::Steps;
use crate::store::meta::Applied;
use cameo_machine::{Change, Rows, is_of_retry_table};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Most memory that the cache of rows takes.
const CACHE_BYTES: usize = 64 << 20;

pub(super) struct Marks {
    pub visible: Arc<Applied>,
    /// Last entry whose changes are in sled.
    pub written: Arc<Applied>,
    /// Entries in between at which the write-behind stops.
    pub steps: Steps,
    /// Digest of the rows in sled.
    pub digest: RowDigest,
    /// Number of readers at each version.
    pub readers: BTreeMap<u64, usize>,
}

/// Rows in memory.
#[derive(Default)]
pub(super) struct InMemory {
    pub overlay: Overlay,
    pub resident: Resident,
}

impl InMemory {
    /// A row as of a version, if it is decided here whether there is one.
    fn row(&self, version: u64, key: &[u8]) -> Option<Value> {
        if let Some(value) = self.overlay.get(version, key) {
            return Some(value.clone());
        }
        is_of_retry_table(key).then(|| self.resident.get(key).cloned())
    }
}

pub(crate) struct Generation {
    path: PathBuf,
    pub(super) database: Database,
    in_memory: RwLock<InMemory>,
    pub(super) cache: RowCache,
    marks: Mutex<Marks>,
    pub(super) walks: Walks,
    /// Held while rows go from the overlay to sled, and while a digest is made of both.
    pub(super) moving: Mutex<()>,
    pub(super) reader_left: Condvar,
    pub(super) written: Condvar,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// Creates an empty database in a directory that does not exist yet. Where it cannot, it leaves
    /// no directory.
    pub fn create(path: &Path) -> Result<Self, GenerationError> {
        Self::create_empty(path).inspect_err(|_| release(path))
    }

    fn create_empty(path: &Path) -> Result<Self, GenerationError> {
        let database = Database::open(path)?;
        let found = Found::default();
        let mut batch = sled::Batch::default();
        batch.insert(META_KEY, found.applied.encode());
        batch.insert(DIGEST_KEY, found.digest.encode());
        database.apply_batch(batch)?;
        Ok(Self::new(path, database, found))
    }

    /// Opens a database and reads all of it once, because sled detects damage only in pages it
    /// reads.
    pub fn open(path: &Path) -> Result<Self, GenerationError> {
        Self::open_by(path, check)
    }

    /// Opens a database without a look at its rows: they have to be verified later.
    pub fn open_unread(path: &Path) -> Result<Self, GenerationError> {
        Self::open_by(path, read)
    }

    fn open_by(
        path: &Path,
        read: fn(&sled::Db) -> Result<Found, GenerationError>,
    ) -> Result<Self, GenerationError> {
        let open = || {
            let database = Database::open(path)?;
            let found = read(&database)?;
            Ok(Self::new(path, database, found))
        };
        // sled panics on some kinds of damage.
        std::panic::catch_unwind(open).unwrap_or(Err(GenerationError::Panicked))
    }

    fn new(path: &Path, database: Database, found: Found) -> Self {
        let applied = Arc::new(found.applied);
        let marks = Marks {
            written: Arc::clone(&applied),
            visible: applied,
            steps: Steps::default(),
            digest: found.digest,
            readers: BTreeMap::new(),
        };
        let in_memory = InMemory {
            overlay: Overlay::default(),
            resident: found.resident,
        };
        Self {
            path: path.to_owned(),
            database,
            in_memory: RwLock::new(in_memory),
            cache: RowCache::of_bytes(CACHE_BYTES),
            marks: Mutex::new(marks),
            walks: Walks::default(),
            moving: Mutex::new(()),
            reader_left: Condvar::new(),
            written: Condvar::new(),
        }
    }

    /// Loses a row behind the store's back.
    #[cfg(test)]
    pub(in super::super) fn lose_row(&self, key: &[u8]) {
        assert!(
            self.database
                .remove(row_key(key))
                .is_ok_and(|row| row.is_some())
        );
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock()
    }

    pub fn applied(&self) -> Arc<Applied> {
        Arc::clone(&self.marks().visible)
    }

    pub(super) fn in_memory(&self) -> RwLockReadGuard<'_, InMemory> {
        self.in_memory.read()
    }

    pub(super) fn in_memory_mut(&self) -> RwLockWriteGuard<'_, InMemory> {
        self.in_memory.write()
    }

    pub fn overlay_bytes(&self) -> usize {
        self.in_memory().overlay.bytes()
    }

    /// Writes rows of a snapshot directly into a database that has no readers yet.
    pub fn load(&self, rows: &Rows) -> Result<(), GenerationError> {
        let mut batch = sled::Batch::default();
        let mut retries = Changes::new();
        let mut marks = self.marks();
        for (key, value) in rows {
            marks.digest.add(key, value);
            match is_of_retry_table(key) {
                true => retries.push((key.as_slice().into(), Some(value.as_slice().into()))),
                false => batch.insert(row_key(key), value.as_slice()),
            }
        }
        let resident = &mut self.in_memory_mut().resident;
        for changes in retries.chunks(BLOCK_ROWS) {
            let number = resident.next_block();
            batch.insert(block_key(number), encode_block(changes));
            resident.take_block(number, changes);
        }
        self.database.apply_batch(batch)
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
        let published = self.marks().visible.version();
        let keys: Vec<_> = {
            let overlay = &mut self.in_memory_mut().overlay;
            let changes = changes.into_iter();
            changes
                .filter_map(|change| overlay.insert(version, change, published))
                .collect()
        };
        // None of them is written before it is visible.
        self.marks().steps.changed(keys);
    }

    pub fn publish(&self, applied: Applied) {
        let mut marks = self.marks();
        marks.visible = Arc::new(applied);
        let Marks { steps, visible, .. } = &mut *marks;
        steps.published(visible);
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

    /// A row as of a version.
    pub fn get(&self, version: u64, key: &[u8]) -> Value {
        if let Some(value) = self.in_memory().row(version, key) {
            return value;
        }
        self.stored(key)
    }

    /// A row as of the newest change. Only for applying, which alone adds changes: see `row_cache`.
    pub fn get_latest(&self, key: &[u8]) -> Value {
        // Held until the cache has the row: nothing is pruned meanwhile.
        let in_memory = self.in_memory();
        if let Some(value) = in_memory.row(u64::MAX, key) {
            return value;
        }
        if let Some(cached) = self.cache.get(key) {
            return cached;
        }
        let stored = self.in_sled(key);
        self.cache.put(key.into(), stored.clone());
        stored
    }

    /// A row that is neither in the overlay nor resident.
    pub(super) fn stored(&self, key: &[u8]) -> Value {
        let cached = self.cache.get(key);
        cached.unwrap_or_else(|| self.in_sled(key))
    }

    fn in_sled(&self, key: &[u8]) -> Value {
        let stored = readable(self.database.get(row_key(key)));
        // Copied: sled's own may keep a whole page in memory.
        stored.map(|value| value.as_ref().into())
    }

    /// At most `limit` rows in key order, from `start` on, while the key starts with `prefix`.
    pub fn scan(&self, version: u64, prefix: &[u8], start: Bound<&[u8]>, limit: usize) -> Rows {
        // Of the overlay nothing is visible below what is written, and it may be long.
        let is_written = self.marks().written.version() >= version;
        let in_memory = self.in_memory();
        let changed = (!is_written).then(|| in_memory.overlay.range(version, start));
        let changed = changed.into_iter().flatten();
        let resident = in_memory.resident.range(start);
        let resident = (prefix.is_empty() || is_of_retry_table(prefix)).then_some(resident);
        let stored = (!is_of_retry_table(prefix)).then(|| scan::stored(&self.database, start));
        let base = scan::merged(
            resident.into_iter().flatten().map(Into::into),
            stored.into_iter().flatten(),
        );
        scan::overlaid(changed, base, prefix, limit)
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
        // Not held while the digest is made, which takes the lock again: a writer may wait for it.
        let changed = self.in_memory().overlay.rows();
        (changed <= rows).then(|| {
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
            let in_memory = self.in_memory();
            let changes = in_memory.overlay.range(applied.version(), Bound::Unbounded);
            changes
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        for (key, value) in changes {
            digest.change(&key, self.written_row(&key).as_deref(), value.as_deref());
        }
        digest
    }

    /// A row as of the last write to sled.
    pub(super) fn written_row(&self, key: &[u8]) -> Value {
        match is_of_retry_table(key) {
            true => self.in_memory().resident.get(key).cloned(),
            false => self.stored(key),
        }
    }
}

#[cfg(test)]
mod tests;
