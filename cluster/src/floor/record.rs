//! Records of the floor file.

use cameo_common::ids::GrantId;
use serde::{Deserialize, Serialize};

use super::grant_floor::Change;

/// One change of one grant's floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub grant: GrantId,
    pub change: Change,
}
