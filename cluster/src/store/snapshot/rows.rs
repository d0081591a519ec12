//! The rows of a view, in an unfinished snapshot file.

use std::path::Path;
use std::thread;
use std::time::Instant;

use super::SnapshotError;
use super::format::Writer;
use crate::store::state::{Shared, StoreView, Walk};

/// Writes header and rows, and syncs the log as far as they go: a local snapshot never ends beyond
/// it. The write-behind goes on meanwhile, until too much is kept of what it replaces. When the
/// overlay grows too large then, the attempt is aborted, unless that is forbidden; in any case it
/// is when the disk becomes low. Blocks, and takes half of a core at most while there is time.
pub(super) fn write_rows(
    part: &Path,
    view: StoreView,
    shared: &Shared,
    never_abort: bool,
) -> Result<Writer, SnapshotError> {
    let mut walk = Walk::new(&view, shared.options.walk_bytes);
    drop(view);
    let mut writer = Writer::create(part, &walk.applied)?;
    loop {
        let began = Instant::now();
        let Some(rows) = walk.next_page() else {
            break;
        };
        writer.rows(&rows)?;
        shared.space.admit(0)?;
        if walk.overlay_bytes() > shared.options.walk_overlay_bytes && !never_abort {
            return Err(SnapshotError::Aborted);
        }
        if !walk.is_full() {
            // A snapshot can wait; what it would take the time from cannot.
            thread::sleep(began.elapsed());
        }
    }
    if let Some(index) = walk.applied.index() {
        shared.wal.sync_up_to(index)?;
    }
    Ok(writer)
}
