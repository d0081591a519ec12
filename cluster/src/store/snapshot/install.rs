//! Installation of a snapshot in place of the state.

use std::path::Path;

use super::SnapshotError;
use super::folder::{SnapshotFile, Snapshots, meta};
use super::format::Reader;
use crate::consensus_types::aliases::SnapshotMeta;
use crate::store::layout::DataDirectory;
use crate::store::state::database;
use crate::store::state::generation::Generation;
use crate::store::state::{LatestView, State};

/// Rows written to sled at once.
const LOAD_ROWS: usize = 1024;
/// Most space of the database that is loaded from a snapshot, in lengths of the snapshot, and the
/// bytes beside them. Measured: 5.0 to 5.8 lengths with rows of 20 bytes, 3.0 to 3.7 with 300, 2.0
/// to 2.6 with 4,000 and more.
const LOAD_LENGTHS: u64 = 6;
const LOAD_BYTES: u64 = 4 << 20;

/// Most space of the database that is loaded from a snapshot of this length, in bytes. The state
/// before is kept beside it until it is complete.
pub(in super::super) fn load_space(snapshot: u64) -> u64 {
    snapshot
        .saturating_mul(LOAD_LENGTHS)
        .saturating_add(LOAD_BYTES)
}

/// Replaces the state by a durable snapshot. Blocks. After a crash at any point there is the old
/// state or the new one.
pub(in super::super) fn install(
    state: &State,
    snapshots: &Snapshots,
    directory: &DataDirectory,
    expected: &SnapshotMeta,
    file: SnapshotFile,
) -> Result<(), SnapshotError> {
    let before = state.shared.generation();
    directory.remove_stale_states(&[before.path()])?;
    // With what an attempt before has held. A database that runs into a full disk cannot be closed.
    state.shared.space.measure();
    state.shared.space.admit(load_space(file.len()))?;
    let path = directory.next_state()?;
    let generation = load(&file, &path)?;
    let applied = generation.applied();
    if meta(&applied) != *expected {
        drop(generation);
        directory.remove_stale_states(&[before.path()])?;
        return Err(SnapshotError::OtherMeta);
    }
    if let Err(later) = cameo_machine::check_state(&LatestView(&generation)) {
        drop(generation);
        directory.remove_stale_states(&[before.path()])?;
        return Err(later.into());
    }
    // Durable in this folder before the state that was made from it becomes the live one.
    let file = snapshots.adopt(&applied, file)?;
    directory.make_current(&path)?;
    state.shared.replace(generation);
    tracing::info!(
        before = before.applied().index(),
        applied = applied.index(),
        "the state is replaced by the snapshot that another node has sent: the log there does not \
         reach back to this one"
    );
    snapshots.set_current(&applied, file)?;
    Ok(())
}

/// Fills a new sled database at `path` from a snapshot, and verifies the snapshot.
pub(in super::super) fn load(
    file: &SnapshotFile,
    path: &Path,
) -> Result<Generation, SnapshotError> {
    let mut reader = Reader::open(file.path())?;
    let filled = Generation::create(path)
        .map_err(SnapshotError::from)
        .and_then(|generation| fill(generation, &mut reader));
    filled.inspect_err(|_| database::release(path))
}

fn fill(generation: Generation, reader: &mut Reader) -> Result<Generation, SnapshotError> {
    loop {
        let rows = reader.next_rows(LOAD_ROWS)?;
        if rows.is_empty() {
            break;
        }
        generation.load(&rows)?;
    }
    generation.finish_load(reader.applied().clone())?;
    Ok(generation)
}
