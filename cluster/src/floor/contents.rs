//! Content of a floor file, for those who look at it from outside.

use std::collections::BTreeMap;

use cameo_common::ids::GrantId;

use super::error::OpenError;
use super::frame;
use super::grant_floor::GrantFloor;
use super::header::{self, Owner};
use super::kept::Kept;

/// An intact floor file, of any node.
#[derive(Debug)]
pub struct Contents {
    pub owner: Owner,
    /// The floors that a node would begin with.
    pub grants: BTreeMap<GrantId, GrantFloor>,
    /// Bytes of an incomplete record at the end, which a crash has left and nobody was told of.
    pub torn: usize,
}

/// Reads a floor file.
///
/// # Errors
/// When the file is damaged.
pub fn contents(bytes: &[u8]) -> Result<Contents, OpenError> {
    let owner = header::owner(bytes)?;
    let scanned = frame::scan(header::check(bytes, owner)?)?;
    Ok(Contents {
        owner,
        grants: Kept::of(owner, scanned.batches, bytes.len()).into_grants(),
        torn: scanned.torn,
    })
}
