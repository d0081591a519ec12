//! Opening of a data directory: its parts, and the limits under which they are used.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::apply::StateMachine;
use super::disk_watch::DiskWatch;
use super::layout::{DataDirectory, boot_id};
use super::machine::Machine;
use super::node_record::NodeRecord;
use super::open_error::OpenError;
use super::options::Options;
use super::orderly_stop;
use super::recovery::Recovery;
use super::snapshot::Snapshots;
use super::source::Source;
use super::state::State;
use super::state::drain::Drain;
use super::verification::Verification;
use super::wal::Wal;
use crate::host::disk_space::DiskSpace;

/// The parts of an open directory.
#[derive(Debug)]
pub struct Opened {
    /// openraft's log storage and log reader.
    pub log: Wal,
    /// openraft's state machine.
    pub state_machine: StateMachine,
    /// The state, for reads.
    pub state: State,
    /// The snapshots, for the network.
    pub snapshots: Snapshots,
    /// Keep it while the node runs; close it last.
    pub store: Store,
    /// Whether there is room on the disk of the directory.
    pub space: Arc<DiskSpace>,
    /// What the state was taken from.
    pub source: Source,
    /// No vote, log entry or applied entry was ever stored here.
    pub pristine: bool,
}

/// An open data directory. If it is dropped without `close`, the stop counts as unclean, which has
/// no consequence unless the machine stops as well.
#[derive(Debug)]
pub struct Store {
    verification: Option<Verification>,
    drain: Drain,
    _watch: DiskWatch,
    directory: Arc<DataDirectory>,
    wal: Wal,
    state: State,
}

impl Store {
    /// Opens `dir`, creating it when it does not exist. Blocks: reads the whole log, and the state
    /// unless that is large.
    pub fn open(
        dir: &Path,
        machine: Arc<dyn Machine>,
        options: Options,
    ) -> Result<Opened, OpenError> {
        let directory = Arc::new(DataDirectory::open(dir)?);
        let (meter, reserve) = (options.meter.clone(), options.reserve);
        let space = DiskSpace::around(directory.root().to_owned(), meter, reserve);
        let boot = options.boot_id.clone().map_or_else(boot_id, Ok)?;
        let running = directory.running()?;
        let machine_stopped = running.as_ref().is_some_and(|before| *before != boot);
        let wal = Wal::open(
            &directory.wal(),
            options.latencies.clone(),
            running.is_none(),
        )?;
        let snapshots = Snapshots::open(&directory.snapshots(), space.clone())?;
        let recovery = Recovery {
            directory: &directory,
            wal: &wal,
            snapshots: &snapshots,
            machine_stopped,
            read_at_start: options.read_at_start_bytes,
        };
        let (generation, source, is_read) = recovery.state()?;
        directory.mark_running(&boot)?;

        let applied = generation.applied();
        let pristine = wal.last().is_none() && wal.vote().is_none() && applied.log_id.is_none();
        let state = State::new(generation, wal.clone(), space.clone(), options);
        let drain = Drain::start(Arc::clone(&state.shared))?;
        let verification = match is_read {
            true => None,
            false => Some(Verification::start(state.clone(), Arc::clone(&directory))?),
        };
        let store = Self {
            verification,
            drain,
            _watch: DiskWatch::start(space.clone(), directory.wal())?,
            directory: Arc::clone(&directory),
            wal: wal.clone(),
            state: state.clone(),
        };
        Ok(Opened {
            log: wal,
            state_machine: StateMachine {
                machine,
                state: state.clone(),
                snapshots: snapshots.clone(),
                directory,
            },
            state,
            snapshots,
            store,
            space,
            source,
            pristine,
        })
    }

    /// The node and cluster that this directory belongs to, once that was written.
    pub fn node_record(&self) -> io::Result<Option<NodeRecord>> {
        NodeRecord::read(&self.directory.node_file())
    }

    /// Writes the identity; durable when this returns. Another identity is never replaced.
    pub fn write_node_record(&self, record: NodeRecord) -> io::Result<()> {
        record.write(&self.directory.node_file())
    }

    /// Whether the state is being verified, or has been in the background.
    #[cfg(test)]
    pub(super) fn is_verifying(&self) -> bool {
        self.verification.is_some()
    }

    /// Closes a store to which no more entries are applied: writes the whole state, syncs it and
    /// marks the stop as clean. Blocks.
    pub fn close(mut self) -> io::Result<()> {
        drop(self.verification.take());
        self.wal.sync()?;
        self.drain.finish()?;
        let generation = self.state.shared.generation();
        orderly_stop::sync_and_mark(&self.directory, generation.path())
    }
}
