//! Rows of a restore: how far the state of the predecessor is taken over, and the grants of it.

use cameo_common::ids::{GrantId, Hash};
use cameo_common::predecessor::Predecessor;
use cameo_common::signed::Signed;
use cameo_common::statements::Reopening;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// The predecessor of a cluster that has one, and how far its state is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    pub predecessor: Predecessor,
    pub stage: RestoreStage,
}

/// How far a state is taken over. Positional on disk: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreStage {
    /// The operator has not approved it.
    NotApproved,
    /// The next piece has this number and this hash.
    Pieces { next: u64, hash: Hash },
    /// Every piece is in the state.
    Done,
}

impl Row for Restore {
    const KIND: Kind = Kind::Restore;
    type Key = ();
}

/// A grant that was taken over. It is closed until its owner has opened it again; the owner's
/// statement of that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    pub reopened: Option<Signed<Reopening>>,
}

impl Row for TakenOver {
    const KIND: Kind = Kind::TakenOver;
    type Key = GrantId;
}
