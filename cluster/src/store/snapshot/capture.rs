//! Capture of the state at a fixed index: its digest, which this node signs, and its snapshot.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::SnapshotError;
use super::folder::Snapshots;
use super::pending::Pending;
use super::rows::write_rows;
use crate::certificate::StatePoint;
use crate::store::state::{State, StoreView};

/// Captures the newest state, concurrently with other work.
///
/// The state is added to the checkpoints at every fixed index, so that all nodes can sign it. A
/// snapshot is written unless the one before is still being written, and fails when the state
/// changes too fast or the disk is full: the log then goes back to the previous snapshot, and the
/// next fixed index is the next attempt.
pub(in super::super) fn capture(state: &State, snapshots: &Snapshots) {
    let view = state.view();
    let (state, snapshots) = (state.clone(), snapshots.clone());
    drop(tokio::task::spawn_blocking(move || {
        capture_view(state, &snapshots, view);
    }));
}

fn capture_view(state: State, snapshots: &Snapshots, view: StoreView) {
    let digest = view.generation.digest_of(&view.applied);
    let Some(point) = view.applied.point(&digest.hash()) else {
        return;
    };
    let folder = Arc::clone(&snapshots.folder);
    folder.checkpoints.add(point);
    if folder.capturing.swap(true, Ordering::AcqRel) {
        tracing::warn!(
            index = point.index,
            "no snapshot is taken here: the one before is not written yet"
        );
        return;
    }
    let written = write(&state, snapshots, view, point);
    // Before it is announced: nothing keeps the state's database open then.
    drop(state);
    folder.capturing.store(false, Ordering::Release);
    match written {
        Ok(pending) => snapshots.await_certificate(pending),
        Err(error) => tracing::error!(
            index = point.index, %error,
            "snapshot failed: the log is kept, and the next fixed index is the next attempt"
        ),
    }
}

fn write(
    state: &State,
    snapshots: &Snapshots,
    view: StoreView,
    point: StatePoint,
) -> Result<Pending, SnapshotError> {
    let mut pending = Pending {
        point,
        applied: (*view.applied).clone(),
        writer: None,
        part: snapshots.part(),
    };
    let never_abort = snapshots.current().is_none();
    let writer = write_rows(&pending.part, view, &state.shared, never_abort)?;
    pending.writer = Some(writer);
    Ok(pending)
}
