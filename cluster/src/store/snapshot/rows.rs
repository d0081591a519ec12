//! The rows of a view, in an unfinished snapshot file.

use std::path::Path;

use super::SnapshotError;
use super::format::Writer;
use crate::store::state::{Shared, StoreView};

/// Writes header and rows, and syncs the log as far as they go: a local snapshot never ends beyond
/// it. The write-behind is paused meanwhile; when the overlay grows too large, the attempt is
/// aborted, unless that is forbidden, and in any case when the disk becomes low. Blocks.
pub(super) fn write_rows(
    part: &Path,
    view: StoreView,
    shared: &Shared,
    never_abort: bool,
) -> Result<Writer, SnapshotError> {
    let mut writer = Writer::create(part, &view.applied)?;
    view.walk(|rows| {
        writer.rows(rows)?;
        shared.space.admit(0)?;
        let full = view.generation.overlay_bytes() > shared.options.walk_overlay_bytes;
        match full && !never_abort {
            true => Err(SnapshotError::Aborted),
            false => Ok(()),
        }
    })?;
    let index = view.applied.index();
    drop(view);
    if let Some(index) = index {
        shared.wal.sync_up_to(index)?;
    }
    Ok(writer)
}
