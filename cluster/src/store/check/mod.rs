//! Offline check of the store's part of a data folder, by the readers of a start.
//!
//! Nothing in the folder is written. raft-log and sled write when they open, so that they get
//! copies in a [`Scratch`] folder. What a start would do with the parts is told by `open`'s rules.

mod folder;
mod log;
mod scratch;
mod snapshots;
mod state;

pub use folder::{FolderError, HeldFolder, Leftover};
pub use log::LogFound;
pub use scratch::{Scratch, ScratchError};
pub use snapshots::{Certified, SnapshotCheck, SnapshotFound};
pub use state::{StateCheck, StateFound, StateProblem};

use super::open_error::OpenError;
use super::recovery::Recovery;
use super::snapshot::Snapshots;
use super::state::LatestView;
use super::state::database::GenerationError;
use super::state::generation::Generation;
use super::wal::{Wal, WalError};
use crate::certificate::Voters;
use crate::host::disk_space::DiskSpace;
use cameo_machine::read;

/// What the store's files are found to have.
#[derive(Debug)]
pub struct StoreCheck {
    pub log: Result<LogFound, WalError>,
    /// Newest first.
    pub snapshots: Vec<SnapshotCheck>,
    pub state: StateCheck,
    /// Whether a start finds a log and a state that belong together. Unknown if the log cannot be
    /// read.
    pub start: Option<Result<(), OpenError>>,
    /// Whether the node has stopped in order since it was started last.
    pub stopped_in_order: bool,
}

/// Reads every file of the store in a folder that is held. Blocks. Lines for the log of a start on
/// the copies are not written: they would tell of files that are not the folder's. `voters` are
/// those that certify its snapshots, where they are known.
///
/// # Errors
/// When the folder cannot be read, or there is no room for the copies.
pub fn check(
    folder: &HeldFolder,
    scratch: &Scratch,
    voters: Option<&Voters>,
) -> Result<StoreCheck, ScratchError> {
    let silent = tracing::subscriber::NoSubscriber::default();
    tracing::subscriber::with_default(silent, || check_parts(folder, scratch, voters))
}

fn check_parts(
    folder: &HeldFolder,
    scratch: &Scratch,
    voters: Option<&Voters>,
) -> Result<StoreCheck, ScratchError> {
    let copy = scratch.directory()?;
    scratch.copy(&folder.wal(), &copy.wal())?;
    let wal = log::open(&folder.wal(), &copy.wal());
    let (path, found) = match folder.current_state()? {
        None => (None, None),
        Some(path) => {
            let to = scratch.state();
            scratch.copy(&path, &to)?;
            (Some(path), Some(Generation::open(&to)))
        }
    };
    let start = match &wal {
        Ok((wal, _)) => {
            scratch.link(&folder.snapshots(), &copy.snapshots())?;
            Some(start(&copy, wal, found.as_ref(), folder)?)
        }
        Err(_) => None,
    };
    let of_state = found.as_ref().and_then(|found| found.as_ref().ok());
    let of_state = of_state.and_then(|found| read::descriptors(&LatestView(found)));
    let snapshots = snapshots::check(&folder.snapshots(), voters, of_state)?;
    let (rejected, start) = match start {
        Some((rejected, start)) => (rejected, Some(start)),
        None => (None, None),
    };
    Ok(StoreCheck {
        log: wal.map(|(_, found)| found),
        snapshots,
        state: state::describe(path.as_deref(), found, rejected),
        start,
        stopped_in_order: folder.stopped_in_order()?,
    })
}

/// Why a start would not use the state, and whether it finds parts that belong together.
type Judged = (Option<String>, Result<(), OpenError>);

fn start(
    copy: &super::layout::DataDirectory,
    wal: &Wal,
    found: Option<&Result<Generation, GenerationError>>,
    folder: &HeldFolder,
) -> Result<Judged, ScratchError> {
    let snapshots = Snapshots::open(&copy.snapshots(), DiskSpace::unlimited())?;
    let recovery = Recovery {
        directory: copy,
        wal,
        snapshots: &snapshots,
        machine_stopped: folder.machine_stopped()?,
        read_at_start: u64::MAX,
    };
    let rejected = found.and_then(|found| recovery.reject_reason(found));
    let start = recovery.judge(found, rejected.is_none());
    Ok((rejected, start))
}
