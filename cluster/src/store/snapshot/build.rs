//! Writing a snapshot of this node's own state.

use std::fs;
use std::time::Duration;

use super::Snapshot;
use super::SnapshotError;
use super::format::Writer;
use super::shelf::{Origin, Snapshots};
use crate::store::state::State;

/// How often a snapshot is begun before it is left for another time.
const ATTEMPTS: usize = 3;
/// How long the write-behind gets to catch up before the next attempt.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Writes a snapshot and makes it the current one. Blocking.
///
/// While it is written the write-behind stands still. When too much piles up it is given up, and
/// after some attempts the snapshot before stays the current one: the log is then not purged,
/// which is safe. Only a node without any snapshot insists, and lets writes wait.
pub(in super::super) fn build(
    state: &State,
    snapshots: &Snapshots,
) -> Result<Snapshot, SnapshotError> {
    let before = snapshots.current();
    for attempt in 1..=ATTEMPTS {
        let insist = attempt == ATTEMPTS && before.is_none();
        match (write(state, snapshots, insist), &before) {
            (Err(SnapshotError::GivenUp), _) => {
                tracing::warn!(attempt, "snapshot given up: the state changes too fast");
                let shared = &state.shared;
                shared.drain.drain_now();
                shared.generation().wait_drained(CATCH_UP);
            }
            (Err(error), Some(before)) => {
                tracing::error!(%error, "snapshot failed: the one before stays");
                return Ok(before.clone());
            }
            (result, _) => return result,
        }
    }
    before.ok_or(SnapshotError::GivenUp)
}

fn write(state: &State, snapshots: &Snapshots, insist: bool) -> Result<Snapshot, SnapshotError> {
    let part = snapshots.part();
    let result = write_part(state, snapshots, &part, insist);
    if result.is_err() {
        // The error that matters is already there; the next start removes what is left.
        drop(fs::remove_file(&part));
    }
    result
}

fn write_part(
    state: &State,
    snapshots: &Snapshots,
    part: &std::path::Path,
    insist: bool,
) -> Result<Snapshot, SnapshotError> {
    let shared = &state.shared;
    let view = state.view();
    let mut writer = Writer::create(part, &view.applied)?;
    view.walk(|rows| {
        writer.rows(rows)?;
        let full = view.generation.overlay_bytes() > shared.options.walk_overlay_bytes;
        match full && !insist {
            true => Err(SnapshotError::GivenUp),
            false => Ok(()),
        }
    })?;
    let applied = (*view.applied).clone();
    drop(view);
    writer.finish()?;
    if let Some(index) = applied.index() {
        shared.wal.sync_up_to(index)?;
    }
    let file = snapshots.keep(part, &applied, Origin::Own)?;
    Ok(snapshots.set_current(&applied, file)?)
}
