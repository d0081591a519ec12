//! Offline check of a data folder: every file is read and verified, and none is changed.
//!
//! The readers are those of a node that starts. `identity` has the files that say whose folder it
//! is, `releases` the floors, `quarantine` what the node remembers of its peers, `store` the log,
//! the snapshots and the state, `lost` what is said of those that are gone, and `others` what is no
//! file of a node.

mod finding;
mod identity;
mod lost;
mod others;
mod quarantine;
mod releases;
mod report;
mod store;

use std::io;
use std::path::Path;

pub use finding::{Finding, Verdict};
pub use report::{Report, unusable};

use self::finding::Findings;
use crate::store::check::{FolderError, HeldFolder, Scratch, ScratchError};

/// Why a folder was not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    #[error("cannot read the folder: {0}")]
    Io(#[from] io::Error),
}

/// Checks the data folder of a node that does not run. Copies of its log and state are made in
/// `scratch`, and removed. Blocks.
///
/// # Errors
/// When it is not the folder of a node, is in use, or of another format, or cannot be read.
pub fn check(data: &Path, scratch: &Path) -> Result<Report, CheckError> {
    let folder = HeldFolder::hold(data)?;
    let scratch = Scratch::within(scratch)?;
    let mut findings = Findings::default();
    let identity = identity::check(&folder, data, &mut findings);
    store::check(&folder, &scratch, &identity, &mut findings)?;
    releases::check(data, &identity, &mut findings);
    quarantine::check(data, &identity, &mut findings);
    others::check(&folder, data, &mut findings)?;
    Ok(Report {
        folder: data.to_owned(),
        node: identity.node,
        cluster: identity.cluster,
        findings: findings.into_inner(),
    })
}
