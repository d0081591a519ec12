//! Building of a snapshot of this node's state at any index: it has no certificate, and serves this
//! node alone. openraft asks for one at a start that finds a purged log and no snapshot.

use std::fs;
use std::time::Duration;

use super::Snapshot;
use super::SnapshotError;
use super::folder::{Origin, Snapshots};
use super::rows::{Urgency, write_rows};
use crate::store::state::State;

/// Most attempts to build a snapshot.
const ATTEMPTS: usize = 3;
/// Time for the write-behind to catch up before the next attempt.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Writes a snapshot and makes it the current one. Blocks.
///
/// The attempt is aborted when the overlay grows too large, and after some attempts the previous
/// snapshot stays the current one: the log is then not purged, which is safe. Only a node without
/// any snapshot does not abort its last attempt, and lets writes wait.
pub(in super::super) fn build(
    state: &State,
    snapshots: &Snapshots,
) -> Result<Snapshot, SnapshotError> {
    let before = snapshots.current();
    snapshots.admit_own()?;
    for attempt in 1..=ATTEMPTS {
        let urgency = match attempt == ATTEMPTS && before.is_none() {
            true => Urgency::Needed,
            false => Urgency::CanWait,
        };
        match write(state, snapshots, urgency) {
            Err(SnapshotError::Aborted) if !state.shared.is_stopping() => {
                tracing::warn!(attempt, "snapshot aborted: the state changes too fast");
                let shared = &state.shared;
                shared.drain_signal.request();
                shared.generation().wait_written(CATCH_UP);
            }
            result => return result,
        }
    }
    before.ok_or(SnapshotError::Aborted)
}

fn write(
    state: &State,
    snapshots: &Snapshots,
    urgency: Urgency,
) -> Result<Snapshot, SnapshotError> {
    let part = snapshots.part();
    let timed = &state.shared.options.latencies.snapshots;
    let result = timed.time_success(|| write_part(state, snapshots, &part, urgency));
    if result.is_err() {
        // That error is returned; the next start removes the file if this fails.
        drop(fs::remove_file(&part));
    }
    result
}

fn write_part(
    state: &State,
    snapshots: &Snapshots,
    part: &std::path::Path,
    urgency: Urgency,
) -> Result<Snapshot, SnapshotError> {
    let view = state.view();
    let applied = (*view.applied).clone();
    let digest = view.generation.digest_of(&view.applied);
    let writer = write_rows(part, view, &digest, &state.shared, urgency)?;
    writer.finish(None)?;
    let file = snapshots.keep(part, &applied, Origin::Local, false)?;
    Ok(snapshots.set_current(&applied, file)?)
}
