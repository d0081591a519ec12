//! The rows of a view, in an unfinished snapshot file.

use std::path::Path;
use std::time::Instant;

use super::SnapshotError;
use super::format::Writer;
use crate::store::state::digest::RowDigest;
use crate::store::state::{Shared, StoreView, Walk};

/// How a snapshot is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// It takes half of a core at most, and is aborted when the overlay grows too large.
    CanWait,
    /// Without it this node has none.
    Needed,
    /// Somebody waits for it.
    AskedFor,
}

/// Writes header and rows, whose digest is `expected`, and syncs the log as far as they go: a local
/// snapshot never ends beyond it. The write-behind goes on meanwhile, until too much is kept of
/// what it replaces. Blocks.
pub(super) fn write_rows(
    part: &Path,
    view: StoreView,
    expected: &RowDigest,
    shared: &Shared,
    urgency: Urgency,
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
        go_on(&walk, shared, urgency)?;
        if urgency != Urgency::AskedFor {
            walk.pause(began);
        }
    }
    if walk.digest() != expected {
        go_on(&walk, shared, urgency)?;
        shared.fail(DAMAGED.to_owned());
        return Err(SnapshotError::Damaged(DAMAGED));
    }
    if let Some(index) = walk.applied.index() {
        shared.wal.sync_up_to(index)?;
    }
    Ok(writer)
}

/// A page of sled was lost as a whole: nothing else shows it.
pub(in super::super) const DAMAGED: &str = "the state on this node's disk is damaged: its rows \
     differ from their digest. Start the node again: it rebuilds the state from its snapshot and \
     the log";

fn go_on(walk: &Walk, shared: &Shared, urgency: Urgency) -> Result<(), SnapshotError> {
    let is_replaced = !walk.is_of(&shared.generation());
    let is_full = walk.overlay_bytes() > shared.options.walk_overlay_bytes;
    match shared.is_stopping() || is_replaced || (is_full && urgency != Urgency::Needed) {
        true => Err(SnapshotError::Aborted),
        false => Ok(()),
    }
}
