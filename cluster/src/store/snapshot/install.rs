//! Putting a snapshot in place of the state.

use std::path::Path;

use super::SnapshotError;
use super::format::Reader;
use super::shelf::{SnapshotFile, Snapshots, meta};
use crate::consensus_types::aliases::SnapshotMeta;
use crate::store::layout::DataDirectory;
use crate::store::state::State;
use crate::store::state::generation::Generation;

/// Rows written to sled at once.
const LOAD_ROWS: usize = 1024;

/// Replaces the state by a durable snapshot. Blocking. A crash at any point leaves the old state
/// or the new one.
pub(in super::super) fn install(
    state: &State,
    snapshots: &Snapshots,
    directory: &DataDirectory,
    expected: &SnapshotMeta,
    file: SnapshotFile,
) -> Result<(), SnapshotError> {
    let before = state.shared.generation();
    directory.remove_stale_states(&[before.path()])?;
    let path = directory.next_state()?;
    let generation = load(&file, &path)?;
    let applied = generation.applied();
    if meta(&applied) != *expected {
        drop(generation);
        directory.remove_stale_states(&[before.path()])?;
        return Err(SnapshotError::OtherMeta);
    }
    // Durable under its own name here before anything points to what was made from it.
    let file = snapshots.adopt(&applied, file)?;
    directory.point_to(&path)?;
    state.shared.replace(generation);
    snapshots.set_current(&applied, file)?;
    Ok(())
}

/// Fills a new sled at `path` with a snapshot, verifying it on the way.
pub(in super::super) fn load(
    file: &SnapshotFile,
    path: &Path,
) -> Result<Generation, SnapshotError> {
    let mut reader = Reader::open(file.path())?;
    let generation = Generation::create(path)?;
    loop {
        let rows = reader.next_rows(LOAD_ROWS)?;
        if rows.is_empty() {
            break;
        }
        generation.load(&rows)?;
    }
    generation.loaded(reader.applied().clone())?;
    Ok(generation)
}
