//! The version of entries that the cluster has reached.
//!
//! Each entry is decided by the rules of the newest version that an entry which was carried out has
//! had so far, or of its own if that is newer. So all replicas change to new rules at the same
//! entry, whichever build they are of, and none goes back. The leader writes a later version once
//! every member reads it (`cluster`).

use cameo_common::op::Op;
use cameo_common::wire;

use super::command::{Refusal, newest_entry_version};
use super::draft::Draft;
use super::rows::EntryVersion;
use super::state_view::StateView;
use crate::rows;

/// That of a state from before the first later one.
const WITHOUT_ROW: u16 = 6;

/// That with which clusters begin from the state of a predecessor.
pub const WITH_RESTORE: u16 = 7;

/// An entry, or a state, is of a later build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "its entries are of version {version}, and this program reads up to version {newest}: start \
     this node with the program of the other nodes"
)]
pub struct LaterVersion {
    pub version: u16,
    pub newest: u16,
}

/// The version in an entry; None if there is none that can be read. It comes first in each.
#[must_use]
pub fn version_of(entry: &[u8]) -> Option<u16> {
    wire::peek::<u16>(entry).ok()
}

/// Checks that this program can decide an entry. One that has no version is refused by all.
///
/// # Errors
/// When it is of a later build.
pub fn check_version(entry: &[u8]) -> Result<(), LaterVersion> {
    version_of(entry).map_or(Ok(()), check_reached)
}

/// Checks that this program can go on from a state.
///
/// # Errors
/// When it is of a later build.
pub fn check_state(view: &dyn StateView) -> Result<(), LaterVersion> {
    check_reached(of(view))
}

/// Checks that this program can go on from a state that has reached this version.
///
/// # Errors
/// When it is of a later build.
pub fn check_reached(version: u16) -> Result<(), LaterVersion> {
    let newest = newest_entry_version();
    match version <= newest {
        true => Ok(()),
        false => Err(LaterVersion { version, newest }),
    }
}

/// The newest version that the log has had: never goes back.
#[must_use]
pub fn of(view: &dyn StateView) -> u16 {
    let row = rows::get::<EntryVersion>(view, &());
    row.map_or(WITHOUT_ROW, |row| row.0)
}

/// Has the rest of the log decided by the rules of this version, if it is a later one.
pub fn raise(draft: &mut Draft<'_>, version: u16) {
    if version > WITHOUT_ROW && version > of(draft) {
        draft.put(&(), &EntryVersion(version));
    }
}

/// Refuses an operation that came with a later version than the log's: the nodes of the builds
/// before do not know it, and refuse it too.
pub fn check_known(draft: &Draft<'_>, op: &Op) -> Result<(), Refusal> {
    let since = since(op);
    match since <= WITHOUT_ROW || since <= of(draft) {
        true => Ok(()),
        false => Err(Refusal::UnknownEntry),
    }
}

/// The version with which an operation came. Its layout never changes: a new one is another
/// variant, with the version of then.
fn since(op: &Op) -> u16 {
    match op {
        Op::Found(_)
        | Op::Register { .. }
        | Op::StartSession { .. }
        | Op::EndSession { .. }
        | Op::ReportOffline { .. }
        | Op::ExpireSessions(_)
        | Op::CreateGrant { .. }
        | Op::PutReceipt { .. }
        | Op::PutRights { .. }
        | Op::AckRights { .. }
        | Op::Debit { .. }
        | Op::RevokeDevice { .. }
        | Op::SetRegistration(_)
        | Op::CreateInvite { .. }
        | Op::Retire { .. }
        | Op::AdmitWorker { .. }
        | Op::RemoveWorker { .. }
        | Op::ChangeDescriptor { .. }
        | Op::PutDeal { .. } => 6,
        Op::ApproveRestore(_) | Op::TakeOver(_) | Op::Reopen { .. } => WITH_RESTORE,
    }
}
