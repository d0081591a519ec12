//! Capture of the state at a fixed index: its digest, which this node signs, and its snapshot.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::SnapshotError;
use super::folder::{Folder, Snapshots};
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
    if let Err(low) = snapshots.admit_own() {
        tracing::warn!(index = point.index, %low, "no snapshot is taken here");
        return;
    }
    let Some(capturing) = Capturing::begin(&folder) else {
        tracing::warn!(
            index = point.index,
            "no snapshot is taken here: the one before is not written yet"
        );
        return;
    };
    let timed = &state.shared.options.latencies.snapshots;
    let written = timed.time_success(|| write(&state, snapshots, view, point));
    // Before it is announced: nothing keeps the state's database open then.
    drop(state);
    drop(capturing);
    match written {
        Ok(pending) => snapshots.await_certificate(pending),
        Err(error) => tracing::error!(
            index = point.index, %error,
            "snapshot failed: the log is kept, and the next fixed index is the next attempt"
        ),
    }
}

/// The right to write a snapshot at a fixed index, one at a time. It ends when it is dropped, by a
/// panic too: the next fixed index is the next attempt.
struct Capturing(Arc<Folder>);

impl Capturing {
    fn begin(folder: &Arc<Folder>) -> Option<Self> {
        let was_begun = folder.capturing.swap(true, Ordering::AcqRel);
        (!was_begun).then(|| Self(Arc::clone(folder)))
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        self.0.capturing.store(false, Ordering::Release);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::disk_space::DiskSpace;

    #[test]
    fn after_a_panic_while_a_snapshot_is_written_the_next_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(folder.path(), DiskSpace::unlimited()).unwrap();
        let writing = snapshots.folder.clone();
        let panicked = std::thread::spawn(move || {
            let _capturing = Capturing::begin(&writing).unwrap();
            assert!(Capturing::begin(&writing).is_none(), "one at a time");
            panic!("planted");
        });
        assert!(panicked.join().is_err());
        assert!(Capturing::begin(&snapshots.folder).is_some());
    }
}
