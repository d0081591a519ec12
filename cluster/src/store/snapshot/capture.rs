//! Capture of the state at a fixed index: its digest, which this node signs, and its snapshot.

use std::sync::Arc;

use super::folder::{Folder, Snapshots};
use super::pending::Pending;
use super::rows::{Urgency, write_rows};
use super::{Snapshot, SnapshotError};
use crate::certificate::StatePoint;
use crate::store::state::digest::RowDigest;
use crate::store::state::{State, StoreView};

/// Length of a snapshot that is written at each fixed index.
const LIGHT_BYTES: u64 = 16 << 20;

/// Captures the newest state, concurrently with other work.
///
/// The state is added to the checkpoints at every fixed index, so that all nodes can sign it. A
/// snapshot is written when it is due, unless the one before is still being written, and fails when
/// the state changes too fast or the disk is full: the log then goes back to the previous snapshot,
/// and the next fixed index is the next attempt.
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
    if !is_due(&state, snapshots, point.index) {
        tracing::debug!(
            index = point.index,
            "no snapshot is due: the log since the last one is shorter"
        );
        return;
    }
    if let Err(low) = snapshots.admit_own() {
        tracing::warn!(index = point.index, %low, "no snapshot is taken here");
        return;
    }
    let Some(capturing) = Capturing::begin(&folder, point.index) else {
        tracing::warn!(
            index = point.index,
            "no snapshot is taken here: the one before is not written yet"
        );
        return;
    };
    let timed = &state.shared.options.latencies.snapshots;
    let written = timed.time_success(|| write(&state, snapshots, view, &digest, point));
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

/// Whether a snapshot is worth what it costs: one that was asked for always is.
fn is_due(state: &State, snapshots: &Snapshots, index: u64) -> bool {
    if snapshots.checkpoints().is_requested(index) {
        return true;
    }
    // Without a certificate it is of use to this node alone.
    let certified = |current: &Snapshot| current.snapshot.is_certified();
    let Some(before) = snapshots.current().filter(certified) else {
        return true;
    };
    let from = before.meta.last_log_id.map_or(0, |id| id.index() + 1);
    outweighs(before.snapshot.len(), || {
        let bytes = state.shared.wal.bytes_since(from);
        // Unknown: a snapshot too many does no harm.
        bytes.unwrap_or(u64::MAX)
    })
}

/// Whether the log since a snapshot of this length outweighs it. A short one costs little.
fn outweighs(snapshot: u64, log: impl FnOnce() -> u64) -> bool {
    snapshot <= LIGHT_BYTES || log() >= snapshot
}

/// The right to write a snapshot at a fixed index, one at a time. It ends when it is dropped, by a
/// panic too: the next fixed index is the next attempt.
struct Capturing(Arc<Folder>);

impl Capturing {
    fn begin(folder: &Arc<Folder>, index: u64) -> Option<Self> {
        let begins = folder.capturing.send_if_modified(|capturing| {
            let begins = capturing.is_none();
            *capturing = capturing.or(Some(index));
            begins
        });
        begins.then(|| Self(Arc::clone(folder)))
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        self.0.capturing.send_replace(None);
    }
}

fn write(
    state: &State,
    snapshots: &Snapshots,
    view: StoreView,
    digest: &RowDigest,
    point: StatePoint,
) -> Result<Pending, SnapshotError> {
    let mut pending = Pending {
        point,
        applied: (*view.applied).clone(),
        writer: None,
        part: snapshots.part(),
    };
    let urgency = match snapshots.checkpoints().is_requested(point.index) {
        _ if snapshots.current().is_none() => Urgency::Needed,
        true => Urgency::AskedFor,
        false => Urgency::CanWait,
    };
    let writer = write_rows(&pending.part, view, digest, &state.shared, urgency)?;
    pending.writer = Some(writer);
    Ok(pending)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::disk_space::DiskSpace;

    #[test]
    fn a_long_snapshot_is_due_when_the_log_since_the_last_one_outweighs_it() {
        for (snapshot, log, is_due) in [
            (0, 0, true),
            (LIGHT_BYTES, 0, true),
            (LIGHT_BYTES + 1, LIGHT_BYTES, false),
            (LIGHT_BYTES + 1, LIGHT_BYTES + 1, true),
            (1 << 40, (1 << 40) - 1, false),
        ] {
            assert_eq!(outweighs(snapshot, || log), is_due, "{snapshot} and {log}");
        }
    }

    #[test]
    fn after_a_panic_while_a_snapshot_is_written_the_next_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(folder.path(), DiskSpace::unlimited()).unwrap();
        let writing = snapshots.folder.clone();
        let panicked = std::thread::spawn(move || {
            let _capturing = Capturing::begin(&writing, 1).unwrap();
            assert!(Capturing::begin(&writing, 2).is_none(), "one at a time");
            assert_eq!(*writing.capturing.borrow(), Some(1));
            panic!("planted");
        });
        assert!(panicked.join().is_err());
        assert!(Capturing::begin(&snapshots.folder, 2).is_some());
    }
}
