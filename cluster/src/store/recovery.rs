//! Recovery of the state at a start: from its database, from a snapshot, or from the log alone.
//!
//! The log and the snapshots are synced and authoritative. sled is trusted after a clean stop, or
//! when only the process died. After an unclean stop of the machine, or when it is damaged or too
//! old for the log, it is quarantined and rebuilt from the newest snapshot, and openraft applies
//! the log from there. A log that ends before an entry that this node had applied prevents the
//! start.

use std::io;
use std::path::Path;

use super::layout::DataDirectory;
use super::meta::Applied;
use super::open_error::OpenError;
use super::snapshot::{self, Origin, Snapshots};
use super::source::Source;
use super::state::database::GenerationError;
use super::state::generation::Generation;
use super::verification::MAX_UNVERIFIED_STARTS;
use super::wal::Wal;
use crate::consensus_types::aliases::LogId;

/// What a start decides with.
pub(super) struct Recovery<'a> {
    pub directory: &'a DataDirectory,
    pub wal: &'a Wal,
    pub snapshots: &'a Snapshots,
    pub machine_stopped: bool,
    /// Most bytes of a state that is read as a whole.
    pub read_at_start: u64,
}

impl Recovery<'_> {
    /// The state, its source, and whether its rows are known to be intact.
    pub(super) fn state(&self) -> Result<(Generation, Source, bool), OpenError> {
        let current = self.directory.current_state()?.filter(|path| path.is_dir());
        let mut is_read = current
            .as_deref()
            .map_or(Ok(true), |path| self.is_read(path))?;
        let open = match is_read {
            true => Generation::open,
            false => Generation::open_unread,
        };
        let found = current.as_deref().map(open);
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
                    is_read = true;
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
        if is_read {
            self.directory.mark_verified()?;
        }
        Ok((generation, source, is_read))
    }

    /// Whether a start reads all rows of a state before it uses it. If not, the start is counted.
    fn is_read(&self, state: &Path) -> io::Result<bool> {
        let unverified = self.directory.unverified_starts()?;
        if unverified >= MAX_UNVERIFIED_STARTS || bytes_in(state)? <= self.read_at_start {
            return Ok(true);
        }
        self.directory.mark_unverified(unverified + 1)?;
        Ok(false)
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

/// The length of all files in a folder.
fn bytes_in(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => bytes_in(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
