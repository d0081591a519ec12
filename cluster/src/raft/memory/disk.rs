//! The disk itself, with what befalls it.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::{Hash, NodeId};
use cameo_common::wire;
use openraft::type_config::alias::VoteOf;
use parking_lot::Mutex;

use super::log::MemoryLog;
use super::model::{AtOnce, DiskModel};
use super::platter::Platter;
use super::port::MemorySnapshots;
use super::quarantine::files;
use super::state::MemoryState;
use super::sync::Syncer;
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::position;
use crate::raft::engine::storage::Storage;
use crate::raft::quarantine::Remembered;
use crate::store::Machine;
use cameo_machine::MapView;

/// A disk in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryDisk {
    platter: Arc<Mutex<Platter>>,
    machine: Arc<dyn Machine>,
    model: Arc<dyn DiskModel>,
}

/// Everything that was on a disk at one moment.
#[derive(Clone)]
pub struct DiskCopy(Platter);

impl fmt::Debug for DiskCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "copy of a disk up to entry {:?}",
            self.0.last_log_index()
        )
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryDisk")
    }
}

impl MemoryDisk {
    /// An empty disk that makes every write durable at once.
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        Self::with_model(machine, Arc::new(AtOnce))
    }

    /// An empty disk that behaves as `model` says.
    pub fn with_model(machine: Arc<dyn Machine>, model: Arc<dyn DiskModel>) -> Self {
        Self {
            platter: Arc::default(),
            machine,
            model,
        }
    }

    /// The storage of a node that starts on this disk. Its state is what the last process had
    /// drained; the log replays the rest.
    pub fn storage(&self) -> Storage<MemoryLog, MemoryState, MemorySnapshots> {
        let (pristine, drained) = {
            let mut platter = self.platter.lock();
            platter.open();
            let log = &platter.log;
            let pristine =
                log.vote.is_none() && log.last().is_none() && platter.drained.applied.is_none();
            (pristine, platter.drained.clone())
        };
        let syncer = Syncer::new(self.platter.clone(), self.model.clone());
        let state = MemoryState::new(self.machine.clone(), syncer.clone(), drained);
        Storage {
            log: MemoryLog(syncer),
            state_machine: state.clone(),
            snapshots: MemorySnapshots(state),
            pristine,
            record_cluster: Arc::new(|_| Ok(())),
        }
    }

    /// Loses what was not synced. The node that used the disk has ended.
    pub fn lose_power(&self) {
        let mut platter = self.platter.lock();
        let survivors = self.model.survivors(platter.unsynced());
        platter.lose_power(survivors);
        platter.floor.lose_power(&*self.model);
    }

    /// A copy of what is on the disk now: log, state, snapshot and floors.
    pub fn copy(&self) -> DiskCopy {
        DiskCopy(self.platter.lock().clone())
    }

    /// How many entries the log ends behind a copy's.
    pub fn entries_after(&self, copy: &DiskCopy) -> u64 {
        let (now, then) = (
            self.platter.lock().last_log_index(),
            copy.0.last_log_index(),
        );
        now.unwrap_or(0).saturating_sub(then.unwrap_or(0))
    }

    /// Whether what this disk has of a voter's progress is above a copy of that voter's own disk.
    pub fn remembers_more(&self, of: NodeId, than: &DiskCopy) -> bool {
        let files = files(Syncer::new(self.platter.clone(), self.model.clone()));
        let remembered = Remembered::load(files).ok();
        let told = remembered.and_then(|remembered| remembered.of(of)?.unverified().ok());
        let term = |vote: &VoteOf<TypeConfig>| vote.leader_id.term;
        told.is_some_and(|told| {
            told.reached.log > than.0.last_log_index().unwrap_or(0)
                || told.reached.term > than.0.log.vote.as_ref().map_or(0, term)
        })
    }

    /// Puts a copy back in the place of everything, as programs copy: its files are others. The
    /// node that used the disk has ended. Returns how many entries are gone.
    pub fn restore(&self, copy: DiskCopy) -> u64 {
        let mut copy = copy;
        copy.0.is_original = false;
        self.put_back(copy)
    }

    /// The same so that no file tells it: as a folder is moved back, or a whole machine is put back
    /// to a snapshot of it.
    pub fn put_back(&self, moved: DiskCopy) -> u64 {
        let gone = self.entries_after(&moved);
        *self.platter.lock() = moved.0;
        gone
    }

    /// Writes that a power failure could lose now.
    pub fn unsynced(&self) -> usize {
        self.platter.lock().unsynced()
    }

    /// The floor file, as the system sees it.
    pub fn floor(&self) -> Option<Vec<u8>> {
        self.platter.lock().floor.written.clone()
    }

    /// The rows drained so far.
    pub fn rows(&self) -> MapView {
        self.platter.lock().drained.rows.clone()
    }

    /// Index of the first entry still in the log.
    pub fn first_log_index(&self) -> Option<u64> {
        self.platter.lock().log.entries.keys().next().copied()
    }

    /// Index, term and hash of the entries of `[from, to]` that are in the log.
    pub fn entries(&self, from: u64, to: u64) -> Vec<(u64, u64, Hash)> {
        if from > to {
            return Vec::new();
        }
        let platter = self.platter.lock();
        let entries = platter.log.entries.range(from..=to);
        entries
            .map(|(index, entry)| {
                let (term, _) = position(&entry.log_id);
                (*index, term, Hash::of(&wire::encode(&entry.payload)))
            })
            .collect()
    }
}
