//! The way of a captured snapshot to the current one: it waits, and gets its certificate.

use super::SnapshotError;
use super::folder::{Origin, Snapshots};
use super::pending::Pending;
use crate::certificate::{Certificate, StatePoint};

impl Snapshots {
    /// Keeps one snapshot, the newest, until it has its certificate.
    pub(super) fn await_certificate(&self, pending: Pending) {
        let point = pending.point;
        *self.folder.pending.lock() = Some(pending);
        self.folder.checkpoints.announce(point);
    }

    /// Makes the snapshot of this state the current one, with its certificate. False when there is
    /// none of that state, or a newer one was installed meanwhile. Blocks.
    pub fn certify(
        &self,
        point: &StatePoint,
        certificate: &Certificate,
    ) -> Result<bool, SnapshotError> {
        let waiting = self.folder.pending.lock().take_if(|it| it.point == *point);
        let Some(mut pending) = waiting else {
            return Ok(false);
        };
        let current = self.current().and_then(|current| current.meta.last_log_id);
        let Some(writer) = pending.writer.take() else {
            return Ok(false);
        };
        if pending.applied.log_id <= current {
            return Ok(false);
        }
        writer.finish(Some(certificate))?;
        let file = self.keep(&pending.part, &pending.applied, Origin::Local, true)?;
        // One may have been installed since the look above.
        let current = self.set_current(&pending.applied, file)?;
        Ok(current.meta.last_log_id == pending.applied.log_id)
    }
}
