//! Content of a floor file, for those who look at it from outside.

use std::collections::BTreeMap;

use cameo_common::ids::GrantId;

use super::error::OpenError;
use super::frame;
use super::grant_floor::GrantFloor;
use super::header;
use super::kept::Kept;

/// The floors that a node would begin with on these bytes, of any node.
///
/// # Errors
/// When the file is damaged.
pub fn contents(bytes: &[u8]) -> Result<BTreeMap<GrantId, GrantFloor>, OpenError> {
    let owner = header::owner(bytes)?;
    let scanned = frame::scan(header::check(bytes, owner)?)?;
    Ok(Kept::of(owner, scanned.batches, bytes.len()).into_grants())
}
