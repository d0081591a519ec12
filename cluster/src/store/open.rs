//! Opening of a data directory: checks of its parts, and recovery of the state.
//!
//! The log and the snapshots are synced and authoritative. sled is trusted after a clean stop, or
//! when only the process died. After an unclean stop of the machine, or when it is damaged or too
//! old for the log, it is quarantined and rebuilt from the newest snapshot, and openraft applies
//! the log from there. A log that ends before an entry that this node had applied prevents the
//! start.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::apply::StateMachine;
use super::disk_watch::DiskWatch;
use super::layout::{DataDirectory, DirectoryError, boot_id};
use super::machine::Machine;
use super::meta::Applied;
use super::node_record::NodeRecord;
use super::options::Options;
use super::orderly_stop;
use super::snapshot::{self, Origin, SnapshotError, Snapshots};
use super::source::Source;
use super::state::State;
use super::state::database::GenerationError;
use super::state::drain::Drain;
use super::state::generation::Generation;
use super::wal::{Wal, WalError};
use crate::consensus_types::aliases::LogId;
use crate::host::disk_space::DiskSpace;
use crate::host::lost_folder::LOST_FOLDER;

/// Why a node must not start on its directory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Wal(#[from] WalError),
    #[error(
        "{}, but this node had already applied entry {applied}: acknowledged entries are lost. \
         This node must not vote with it. {LOST_FOLDER}",
        end_of_log(*.last)
    )]
    EndsBeforeApplied { last: Option<u64>, applied: u64 },
    #[error(
        "the log's entry {index} is not the one that this node had applied. This node must not \
         vote with it. {LOST_FOLDER}"
    )]
    Diverged { index: u64 },
    #[error(
        "the log begins after entry {purged}, and no intact snapshot or state reaches that far. \
         {LOST_FOLDER}"
    )]
    NoStartingPoint { purged: u64 },
    #[error("cannot rebuild the state from the snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    #[error("cannot create the state database: {0}. Check the disk")]
    State(String),
    #[error("cannot use the data directory: {0}. Check the disk and its permissions")]
    Io(#[from] io::Error),
}

fn end_of_log(last: Option<u64>) -> String {
    last.map_or("the log has no entry".to_owned(), |last| {
        format!("the log ends at entry {last}")
    })
}

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
    drain: Drain,
    _watch: DiskWatch,
    directory: Arc<DataDirectory>,
    wal: Wal,
    state: State,
}

impl Store {
    /// Opens `dir`, creating it when it does not exist. Blocks: reads the whole log and checks the
    /// whole state.
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
        };
        let (generation, source) = recovery.state()?;
        directory.mark_running(&boot)?;

        let applied = generation.applied();
        let pristine = wal.last().is_none() && wal.vote().is_none() && applied.log_id.is_none();
        let state = State::new(generation, wal.clone(), space.clone(), options);
        let drain = Drain::start(Arc::clone(&state.shared))?;
        let store = Self {
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

    /// Closes a store to which no more entries are applied: writes the whole state, syncs it and
    /// marks the stop as clean. Blocks.
    pub fn close(self) -> io::Result<()> {
        self.wal.sync()?;
        self.drain.finish()?;
        let generation = self.state.shared.generation();
        orderly_stop::sync_and_mark(&self.directory, generation.path())
    }
}

/// What a start decides with.
pub(super) struct Recovery<'a> {
    pub directory: &'a DataDirectory,
    pub wal: &'a Wal,
    pub snapshots: &'a Snapshots,
    pub machine_stopped: bool,
}

impl Recovery<'_> {
    fn state(&self) -> Result<(Generation, Source), OpenError> {
        let current = self.directory.current_state()?.filter(|path| path.is_dir());
        let found = current.as_deref().map(Generation::open);
        let known = match &found {
            Some(Ok(generation)) => Some(generation.applied()),
            _ => None,
        };
        self.check_log(known.as_deref())?;
        let (generation, source) = match (current, found) {
            (Some(path), Some(found)) => match self.reject_reason(&found) {
                None => {
                    let generation = found.map_err(|error| OpenError::State(error.to_string()))?;
                    let applied = generation.applied().index();
                    (generation, Source::State { applied })
                }
                Some(why) => {
                    drop(found);
                    let quarantined = self.directory.quarantine(&path)?;
                    let quarantined = quarantined.display();
                    self.rebuild(format!("{why}, and is kept as {quarantined}"))?
                }
            },
            _ => {
                let (generation, source) = self.rebuild("it is gone".to_owned())?;
                match self.wal.last().is_none() && generation.applied().log_id.is_none() {
                    true => (generation, Source::Nothing),
                    false => (generation, source),
                }
            }
        };
        self.directory.remove_stale_states(&[generation.path()])?;
        self.check_start(generation.applied().log_id)?;
        self.join_log(&generation.applied())?;
        match &source {
            Source::Nothing | Source::State { .. } => tracing::info!("{source}"),
            Source::Snapshot { .. } | Source::Log { .. } => tracing::warn!("{source}"),
        }
        Ok((generation, source))
    }

    /// Whether log, snapshots and state belong together, as `state` finds it; nothing is changed.
    pub(super) fn judge(
        &self,
        found: Option<&Result<Generation, GenerationError>>,
        is_used: bool,
    ) -> Result<(), OpenError> {
        let known = match found {
            Some(Ok(generation)) => Some(generation.applied()),
            _ => None,
        };
        self.check_log(known.as_deref())?;
        let snapshot = self.snapshots.current();
        let begins_at = match known.filter(|_| is_used) {
            Some(applied) => applied.log_id,
            None => snapshot.and_then(|snapshot| snapshot.meta.last_log_id),
        };
        self.check_start(begins_at)
    }

    /// Checks that the log reaches everything this node is known to have applied from it.
    fn check_log(&self, state: Option<&Applied>) -> Result<(), OpenError> {
        let snapshot = self.snapshots.current();
        let (mut local, mut received) = (None, None);
        if let Some(snapshot) = &snapshot {
            match snapshot.snapshot.origin() {
                Origin::Local => local = snapshot.meta.last_log_id,
                Origin::Received => received = snapshot.meta.last_log_id,
            }
        }
        let known = local.max(state.and_then(|applied| applied.log_id));
        let Some(known) = known.filter(|known| Some(known) > received.as_ref()) else {
            return Ok(());
        };
        let last = self.wal.last().map(|id| id.index());
        if last < Some(known.index()) {
            return Err(OpenError::EndsBeforeApplied {
                last,
                applied: known.index(),
            });
        }
        match self.wal.id_at(known.index())? {
            Some(id) if id != known => Err(OpenError::Diverged {
                index: known.index(),
            }),
            _ => Ok(()),
        }
    }

    /// Why an existing database is not used, if so.
    pub(super) fn reject_reason(
        &self,
        found: &Result<Generation, GenerationError>,
    ) -> Option<String> {
        let generation = match found {
            Err(error) => return Some(format!("it is damaged: {error}")),
            Ok(_) if self.machine_stopped => {
                return Some(
                    "it may not be on the disk: the machine stopped without a clean shutdown, or \
                     its last sync failed or did not end"
                        .to_owned(),
                );
            }
            Ok(generation) => generation,
        };
        let applied = generation.applied().log_id;
        let snapshot = self
            .snapshots
            .current()
            .and_then(|snapshot| snapshot.meta.last_log_id);
        if applied < self.wal.purged() {
            return Some("it ends before the log begins".to_owned());
        }
        (applied < snapshot).then(|| "the newest snapshot is ahead of it".to_owned())
    }

    fn rebuild(&self, why: String) -> Result<(Generation, Source), OpenError> {
        // Of starts that failed: they would fill the disk. Where CURRENT names none, one of them
        // may be the live one, and stays until there is another.
        if let Some(live) = self.directory.current_state()? {
            self.directory.remove_stale_states(&[&live])?;
        }
        let path = self.directory.next_state()?;
        let (generation, source) = match self.snapshots.current() {
            Some(snapshot) => {
                let generation = snapshot::load(&snapshot.snapshot, &path)?;
                let source = Source::Snapshot {
                    applied: generation.applied().index(),
                    is_own: snapshot.snapshot.origin() == Origin::Local,
                    why,
                };
                (generation, source)
            }
            None => {
                let generation = Generation::create(&path)
                    .map_err(|error| OpenError::State(error.to_string()))?;
                (generation, Source::Log { why })
            }
        };
        self.directory.make_current(&path)?;
        Ok((generation, source))
    }

    fn check_start(&self, applied: Option<LogId>) -> Result<(), OpenError> {
        let purged = self.wal.purged();
        if let Some(purged) = purged.filter(|purged| applied < Some(*purged)) {
            return Err(OpenError::NoStartingPoint {
                purged: purged.index(),
            });
        }
        let snapshot = self
            .snapshots
            .current()
            .and_then(|snapshot| snapshot.meta.last_log_id);
        if snapshot < purged {
            // A node that receives it could not continue with the log.
            tracing::warn!(
                snapshot = snapshot.map(|id| id.index()),
                purged = purged.map(|id| id.index()),
                "the newest snapshot ends before the log begins, and is sent to no other node"
            );
            self.snapshots.clear_current();
        }
        Ok(())
    }

    /// Starts the log after the state if they do not match. A crash during the installation of a
    /// received snapshot leaves a log that does not reach it, perhaps with entries of deposed
    /// leaders.
    fn join_log(&self, applied: &Applied) -> Result<(), OpenError> {
        let Some(applied) = applied.log_id else {
            return Ok(());
        };
        let same: Option<LogId> = self.wal.id_at(applied.index())?;
        let joined = same == Some(applied) || self.wal.purged() == Some(applied);
        if !joined {
            tracing::warn!(
                index = applied.index(),
                "the log does not have the entry that the state ends with, and begins anew after \
                 it: what comes next is taken from other nodes"
            );
            self.wal.start_after(&applied)?;
        }
        Ok(())
    }
}
