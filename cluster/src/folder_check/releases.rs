//! The floors: what the node has released.

use std::path::Path;

use super::finding::Findings;
use super::identity::{GENESIS, Identity};
use crate::floor::{self, FloorDisk as _, FloorFile, OpenError};
use crate::host::blocking::Blocking;
use crate::host::lost_folder::LOST_FOLDER;

const FLOOR: &str = "floor";

pub(super) fn check(data: &Path, identity: &Identity, findings: &mut Findings) {
    let bytes = match FloorFile::within(data, Blocking::Inline).read() {
        Ok(Some(bytes)) => bytes,
        Ok(None) if identity.cluster.is_some() => {
            return findings.damage(FLOOR, OpenError::Missing);
        }
        Ok(None) => return,
        Err(error) => return findings.damage(FLOOR, OpenError::Io(error)),
    };
    let contents = match floor::contents(&bytes) {
        Ok(contents) => contents,
        Err(error @ OpenError::UnknownVersion(_)) => return findings.newer(FLOOR, error),
        Err(error) => return findings.damage(FLOOR, error),
    };
    let owner = contents.owner;
    let is_other = identity.cluster.is_some_and(|known| known != owner.cluster)
        || identity.node.is_some_and(|known| known != owner.node);
    if is_other {
        return findings.damage(FLOOR, OpenError::OtherOwner);
    }
    if identity.cluster.is_none() && !findings.has(GENESIS) {
        let (node, cluster) = (owner.node, owner.cluster);
        let found = format!("it is gone, and `floor` is of node {node} of cluster {cluster}");
        findings.damaged(GENESIS, found, LOST_FOLDER);
    }
    let grants = contents.grants.len();
    match contents.torn {
        0 => findings.whole(FLOOR, format!("floors of {grants} grants")),
        torn => findings.notice(
            FLOOR,
            format!(
                "floors of {grants} grants, and an incomplete record of {torn} bytes at the end"
            ),
            "a crash has left it, nobody was told of it, and the next start cuts it off",
        ),
    }
}
