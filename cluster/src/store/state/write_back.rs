//! Writing of the overlay to sled, up to one version as one atomic batch.

use std::sync::Arc;
use std::time::Duration;

use cameo_machine::is_of_retry_table;

use super::database::{DIGEST_KEY, GenerationError, META_KEY, block_key, prefixed};
use super::generation::{Generation, Marks};
use super::resident::{BLOCK_ROWS, encode_block};
use super::row::{Changes, Key, Value};
use crate::store::meta::Applied;

/// Rows processed in one hold of the lock.
const PIECE_ROWS: usize = 128;

/// What one write moves from the overlay to sled.
#[derive(Default)]
struct Staged {
    rows: Changes,
    /// Resident rows, by the block that has them.
    blocks: Vec<(u64, Changes)>,
    /// Blocks that are removed.
    dead: Vec<u64>,
}

impl Staged {
    fn batch(&self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        let mut buffer = Vec::new();
        for (key, value) in &self.rows {
            let key = prefixed(key, &mut buffer);
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        for (number, changes) in &self.blocks {
            batch.insert(block_key(*number), encode_block(changes));
        }
        for number in &self.dead {
            batch.remove(block_key(*number));
        }
        batch
    }
}

impl Generation {
    /// The version that `write_back` would write next, or `None` when sled is up to date.
    pub fn unwritten(&self) -> Option<Arc<Applied>> {
        let marks = self.marks();
        if let Some(step) = marks.steps.next() {
            return Some(Arc::clone(step));
        }
        (marks.visible.version() > marks.written.version()).then(|| Arc::clone(&marks.visible))
    }

    /// Whether that version is a step on the way to the visible one.
    pub fn has_step(&self) -> bool {
        self.marks().steps.next().is_some()
    }

    /// Waits until there is no reader before `version`, and no walk that keeps too much; false at
    /// the timeout.
    pub fn wait_for_readers(&self, version: u64, timeout: Duration) -> bool {
        let blocked = |marks: &mut Marks| {
            let first = marks.readers.first_key_value();
            first.is_some_and(|(at, _)| *at < version) || self.walks.are_full()
        };
        let mut marks = self.marks();
        self.reader_left
            .wait_while_for(&mut marks, blocked, timeout);
        // The condition may have come true at the last instant of a wait that timed out.
        !blocked(&mut marks)
    }

    /// Has a write-behind that waits look again: a walk is over.
    pub fn wake_write_behind(&self) {
        // Held, so that it does not look just before, and wait just after.
        let _marks = self.marks();
        self.reader_left.notify_all();
    }

    /// Writes everything up to `applied` in one atomic batch and removes it from the overlay. Call
    /// only after `wait_for_readers`. After an error the state is written no more.
    pub fn write_back(&self, applied: &Arc<Applied>) -> Result<(), GenerationError> {
        let _moving = self.moving.lock();
        let version = applied.version();
        let (keys, mut digest) = {
            let mut marks = self.marks();
            (marks.steps.take(version), marks.digest.clone())
        };
        let staged = self.staged(version, &keys);
        let resident = staged.blocks.iter().flat_map(|(_, changes)| changes);
        for (key, value) in staged.rows.iter().chain(resident) {
            let before = self.written_row(key);
            digest.change(key, before.as_deref(), value.as_deref());
            self.walks
                .keep(version, key, |walked| self.row_as_of(walked, key, &before));
        }
        let mut batch = staged.batch();
        batch.insert(META_KEY, applied.encode());
        batch.insert(DIGEST_KEY, digest.encode());
        self.database.apply_batch(batch)?;
        self.take_in(staged);
        let changed_since = self.prune(version, &keys);
        let mut marks = self.marks();
        marks.written = Arc::clone(applied);
        marks.steps.again(changed_since);
        marks.digest = digest;
        self.written.notify_all();
        Ok(())
    }

    /// A row as of a version that is not below what is written; `written` is the row there.
    fn row_as_of(&self, version: u64, key: &[u8], written: &Value) -> Value {
        let in_memory = self.in_memory();
        let changed = in_memory.overlay.get(version, key);
        changed.unwrap_or(written).clone()
    }

    /// The changes of these rows up to a version. Applying never waits long for the lock.
    fn staged(&self, version: u64, keys: &[Key]) -> Staged {
        let mut staged = Staged::default();
        let mut resident = Changes::new();
        for piece in keys.chunks(PIECE_ROWS) {
            let in_memory = self.in_memory();
            for key in piece {
                let Some(value) = in_memory.overlay.get(version, key) else {
                    continue;
                };
                let rows = match is_of_retry_table(key) {
                    true => &mut resident,
                    false => &mut staged.rows,
                };
                rows.push((key.clone(), value.clone()));
            }
        }
        let in_memory = self.in_memory();
        staged.dead = in_memory.resident.dead_blocks();
        let blocks = resident.chunks(BLOCK_ROWS).map(<[_]>::to_vec);
        staged.blocks = (in_memory.resident.next_block()..).zip(blocks).collect();
        staged
    }

    /// The cache and the resident rows as sled has them now. The overlay still hides them.
    fn take_in(&self, staged: Staged) {
        for (key, value) in staged.rows {
            self.cache.replace(key, value);
        }
        for (number, changes) in staged.blocks {
            let resident = &mut self.in_memory_mut().resident;
            resident.take_block(number, &changes);
        }
        self.in_memory_mut().resident.forget_blocks(&staged.dead);
    }

    /// Waits until sled has everything that is visible now; false at the timeout.
    pub fn wait_written(&self, timeout: Duration) -> bool {
        let mut marks = self.marks();
        let wanted = marks.visible.version();
        let blocked = |marks: &mut Marks| marks.written.version() < wanted;
        self.written.wait_while_for(&mut marks, blocked, timeout);
        !blocked(&mut marks)
    }

    /// The keys that have changed again since.
    fn prune(&self, version: u64, keys: &[Key]) -> Vec<Key> {
        let mut left = Vec::new();
        for piece in keys.chunks(PIECE_ROWS) {
            left.extend(self.in_memory_mut().overlay.prune(version, piece));
        }
        left
    }

    /// Flushes sled's buffers to the kernel, so that a kill of the process loses little. Not an
    /// fsync.
    pub fn flush(&self) -> Result<(), GenerationError> {
        self.database.flush()
    }
}
