//! One sled database and, in memory, the rows that are not in it yet.
//!
//! Every row change carries the version at which it was made (index + 1 of its entry). A reader
//! sees the state as of one version: the overlay's newest change up to it, else sled. The drain
//! writes changes up to a version into sled only when no reader of an older one is left, and
//! removes them from the overlay only afterwards, so a reader never sees half of anything.

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
    /// Version last written to sled.
    drained: u64,
    /// Of the rows in sled.
    digest: RowDigest,
    /// How many readers look at which version.
    readers: BTreeMap<u64, usize>,
}

pub(crate) struct Generation {
    path: PathBuf,
    database: sled::Db,
    overlay: RwLock<Overlay>,
    marks: Mutex<Marks>,
    reader_left: Condvar,
    drained: Condvar,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// Starts an empty database in a directory that does not exist yet.
    pub fn create(path: &Path) -> Result<Self, GenerationError> {
        let database = open_sled(path)?;
        let (applied, digest) = (Applied::default(), RowDigest::default());
        let mut batch = sled::Batch::default();
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, digest.encode());
        database.apply_batch(batch)?;
        Ok(Self::new(path, database, applied, digest))
    }

    /// Opens a database and reads all of it once; sled itself notices damage only when it meets it.
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
        let marks = Marks {
            drained: applied.version(),
            visible: Arc::new(applied),
            digest,
            readers: BTreeMap::new(),
        };
        Self {
            path: path.to_owned(),
            database,
            overlay: RwLock::default(),
            marks: Mutex::new(marks),
            reader_left: Condvar::new(),
            drained: Condvar::new(),
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

    /// Writes rows of a snapshot straight into a database that nobody reads yet.
    pub fn load(&self, rows: &Rows) -> Result<(), GenerationError> {
        let mut batch = sled::Batch::default();
        let mut marks = self.marks();
        for (key, value) in rows {
            marks.digest.add(key, value);
            batch.insert(row_key(key), value.as_slice());
        }
        Ok(self.database.apply_batch(batch)?)
    }

    /// Ends loading: from here on the database stands at `applied`.
    pub fn loaded(&self, applied: Applied) -> Result<(), GenerationError> {
        let mut marks = self.marks();
        let mut batch = sled::Batch::default();
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, marks.digest.encode());
        self.database.apply_batch(batch)?;
        self.database.flush()?;
        marks.drained = applied.version();
        marks.visible = Arc::new(applied);
        Ok(())
    }

    /// Adds the changes of one entry. They are seen by `get` with this version from now on, and by
    /// readers once `publish` has been called.
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

    /// Starts reading at what is visible now.
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
        let mut ours = overlay
            .range(version, start)
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        let lower = match start {
            Bound::Included(key) => Bound::Included(row_key(key)),
            Bound::Excluded(key) => Bound::Excluded(row_key(key)),
            Bound::Unbounded => Bound::Included(vec![ROW_PREFIX]),
        };
        let mut stored = self
            .database
            .range::<Vec<u8>, _>((lower, Bound::Unbounded))
            .map(readable)
            .take_while(|(key, _)| key[0] == ROW_PREFIX && key[1..].starts_with(prefix))
            .peekable();
        let mut rows = Rows::new();
        while rows.len() < limit {
            let take_ours = match (ours.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((key, _)), Some((other, _))) => key.as_slice() <= &other[1..],
            };
            if take_ours {
                let Some((key, value)) = ours.next() else {
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

    /// What a drain would write, or `None` when sled has everything already.
    pub fn undrained(&self) -> Option<Arc<Applied>> {
        let marks = self.marks();
        (marks.visible.version() > marks.drained).then(|| Arc::clone(&marks.visible))
    }

    /// Waits until nobody reads a version before `version`; false when that took too long.
    pub fn wait_for_readers(&self, version: u64, patience: Duration) -> bool {
        let blocked = |marks: &mut Marks| {
            marks
                .readers
                .first_key_value()
                .is_some_and(|(at, _)| *at < version)
        };
        let mut marks = self.marks();
        let waited = self
            .reader_left
            .wait_while_for(&mut marks, blocked, patience);
        !waited.timed_out()
    }

    /// Writes everything up to `applied` in one atomic batch and forgets it here. Call only after
    /// `wait_for_readers`.
    pub fn drain(&self, applied: &Applied) -> Result<(), GenerationError> {
        let version = applied.version();
        let mut digest = self.marks().digest;
        let mut batch = sled::Batch::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            // In pieces, so that applying never waits long for the lock.
            let overlay = self.overlay();
            let piece = overlay.piece(after.as_deref());
            for key in piece.keys() {
                if let Some(value) = overlay.get(version, key) {
                    self.stage(&mut batch, &mut digest, key, value.as_deref())?;
                }
            }
            after = piece.next();
            if after.is_none() {
                break;
            }
        }
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, digest.encode());
        self.database.apply_batch(batch)?;
        self.forget(version);
        let mut marks = self.marks();
        marks.drained = version;
        marks.digest = digest;
        self.drained.notify_all();
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
        if let Some(old) = self.database.get(&stored)? {
            digest.remove(key, &old);
        }
        match value {
            Some(value) => {
                digest.add(key, value);
                batch.insert(stored, value);
            }
            None => batch.remove(stored),
        }
        Ok(())
    }

    /// Waits until sled has all that is visible now, or until that took too long.
    pub fn wait_drained(&self, patience: Duration) -> bool {
        let mut marks = self.marks();
        let wanted = marks.visible.version();
        let blocked = |marks: &mut Marks| marks.drained < wanted;
        let waited = self.drained.wait_while_for(&mut marks, blocked, patience);
        !waited.timed_out()
    }

    fn forget(&self, version: u64) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut overlay = self.overlay_mut();
            let piece = overlay.piece(after.as_deref());
            overlay.forget(version, piece.keys());
            after = piece.next();
            if after.is_none() {
                return;
            }
        }
    }

    /// Hands sled's buffers to the kernel, so that killing the process loses little of them. Not
    /// an fsync.
    pub fn flush(&self) -> Result<(), GenerationError> {
        self.database.flush()?;
        Ok(())
    }
}
