//! Content of a disk: as the system sees it, and as it would be found after a power failure.

use std::collections::{BTreeMap, VecDeque};

use cameo_mutant::{Mutant, is_planted};
use openraft::entry::EntryPayload;
use openraft::type_config::alias::{EntryOf, LogIdOf, VoteOf};

use super::content::Content;
use super::floor_image::FloorImage;
use super::snapshot::MemorySnapshot;
use crate::consensus_types::{EntryBytes, TypeConfig};
use crate::raft::quarantine::QuarantineFile;

/// A disk's content.
#[derive(Default, Clone)]
pub(super) struct Platter {
    /// The log as the process reads it: with everything handed to the system.
    pub log: LogImage,
    /// The log without what was not synced.
    synced: LogImage,
    /// What `log` has and `synced` has not, oldest first.
    unsynced: VecDeque<LogWrite>,
    /// The state up to the last drain, handed to the system.
    pub drained: Content,
    /// The newest snapshot. Always synced: it gets its name after that.
    pub snapshot: Option<MemorySnapshot>,
    pub floor: FloorImage,
    /// Always synced: a file gets its name after that.
    pub quarantine: BTreeMap<QuarantineFile, Vec<u8>>,
    /// A node has taken part with it, and it is no copy. Always synced.
    pub is_original: bool,
}

/// A log.
#[derive(Default, Clone)]
pub(super) struct LogImage {
    pub vote: Option<VoteOf<TypeConfig>>,
    pub committed: Option<LogIdOf<TypeConfig>>,
    pub purged: Option<LogIdOf<TypeConfig>>,
    pub entries: BTreeMap<u64, EntryOf<TypeConfig>>,
}

/// One write to the log.
#[derive(Clone)]
pub(super) enum LogWrite {
    Vote(VoteOf<TypeConfig>),
    Committed(Option<LogIdOf<TypeConfig>>),
    Append(Vec<EntryOf<TypeConfig>>),
    /// Removes this index and all after it.
    TruncateFrom(u64),
    Purge(LogIdOf<TypeConfig>),
}

impl LogImage {
    pub fn last(&self) -> Option<LogIdOf<TypeConfig>> {
        let last = self.entries.values().next_back().map(|entry| entry.log_id);
        last.or(self.purged)
    }

    fn apply(&mut self, write: LogWrite) {
        match write {
            LogWrite::Vote(vote) => self.vote = Some(vote),
            LogWrite::Committed(committed) => self.committed = committed,
            LogWrite::Append(entries) => {
                for entry in entries {
                    self.entries.insert(entry.log_id.index(), entry);
                }
            }
            LogWrite::TruncateFrom(index) => drop(self.entries.split_off(&index)),
            LogWrite::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index() + 1));
                self.purged = self.purged.max(Some(upto));
            }
        }
    }
}

impl Platter {
    /// Hands a write to the system.
    pub fn write(&mut self, write: LogWrite) {
        self.log.apply(write.clone());
        self.unsynced.push_back(write);
    }

    /// How many writes are not synced.
    pub fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// Index of the log's last entry, purged or not.
    pub fn last_log_index(&self) -> Option<u64> {
        self.log.last().map(|last| last.index())
    }

    /// Makes the oldest `writes` durable.
    pub fn sync(&mut self, writes: usize) {
        for write in self.unsynced.drain(..writes) {
            self.synced.apply(write);
        }
    }

    /// Forgets all but what was synced and the oldest `survivors` of what was not. The state on the
    /// disk is not to be trusted then: it begins from the snapshot, and the log after it.
    pub fn lose_power(&mut self, survivors: usize) {
        self.sync(survivors.min(self.unsynced.len()));
        if is_planted(Mutant::TornTailAccepted)
            && let Some(LogWrite::Append(entries)) = self.unsynced.pop_front()
        {
            self.synced.apply(LogWrite::Append(torn(entries)));
        }
        self.unsynced.clear();
        self.log = self.synced.clone();
        self.drained = match &self.snapshot {
            Some(snapshot) => snapshot.content(),
            None => Content::default(),
        };
    }

    /// Prepares the disk for a process that starts: as the real store, it syncs what it finds, and
    /// starts the log after the snapshot where the log ends before it.
    pub fn open(&mut self) {
        if let Some(applied) = self.drained.applied
            && self.log.last() < Some(applied)
        {
            self.write(LogWrite::Purge(applied));
        }
        if !is_planted(Mutant::FsyncDropped) {
            self.sync(self.unsynced.len());
        }
    }
}

/// A write of which the last half entry has not reached the disk.
fn torn(mut entries: Vec<EntryOf<TypeConfig>>) -> Vec<EntryOf<TypeConfig>> {
    let last = entries.last_mut().map(|entry| &mut entry.payload);
    if let Some(EntryPayload::Normal(EntryBytes(bytes))) = last {
        bytes.truncate(bytes.len() / 2);
    }
    entries
}
