//! Rule of one grant's floor: what a node may still release, whatever its state shows.

use std::collections::VecDeque;

use cameo_common::api::RESUME_WINDOW;
use cameo_common::ids::{GrantId, Hash, Millis};
use cameo_common::statements::FirstFloor;
use serde::{Deserialize, Serialize};

/// Most requests of one grant that are remembered by their hash. The oldest is forgotten for one
/// more; were its view resumed, it would count once more.
pub const MAX_RECENT: usize = 1024;

/// What the applied state shows of a grant, with every signature verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub grant: GrantId,
    pub version: u64,
    /// Hash of the exact bytes of the rights.
    pub rights: Hash,
    /// Views permitted in total.
    pub permitted: u32,
    /// From the deal: where a node begins that has no floor of the grant.
    pub first: FirstFloor,
}

/// The floor of one grant at one node. It only rises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFloor {
    /// Highest verified version of the rights.
    pub version: u64,
    /// Hash of that version; none where only the deal has told of it.
    pub rights: Option<Hash>,
    /// Distinct requests that a part was released for.
    pub released: u32,
    /// Those of them that can still be resumed, the oldest first.
    pub recent: VecDeque<Recent>,
}

/// A released request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Hash of the exact bytes of the request.
    pub request: Hash,
    /// Log time of its debit.
    pub at: Millis,
}

/// One change of a floor. The order of the variants is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Change {
    /// The whole floor: the first of a grant, and each of a rewritten file.
    Whole(GrantFloor),
    /// Newer rights.
    Raised { version: u64, rights: Hash },
    /// One more request.
    Released(Recent),
}

/// Why a floor forbids a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FloorRefusal {
    #[error(
        "this node's state is rolled back: it shows rights of version {shown}, and the node had \
         seen version {known} of this grant; it releases nothing. Ask other nodes"
    )]
    Behind { shown: u64, known: u64 },
    #[error(
        "this node's state is rolled back: it shows other rights of version {version} than the \
         node had seen of this grant; it releases nothing. Ask other nodes"
    )]
    OtherRights { version: u64 },
    #[error(
        "this node has released {released} views of this grant, and {permitted} are permitted: \
         it releases no further one"
    )]
    Spent { released: u32, permitted: u32 },
}

impl GrantFloor {
    /// The floor of a node that has recorded nothing of the grant.
    #[must_use]
    pub fn first(first: FirstFloor) -> Self {
        Self {
            version: first.rights_version,
            rights: None,
            released: first.used,
            recent: VecDeque::new(),
        }
    }

    /// The change that raises the floor to the shown rights; none when it has them.
    ///
    /// # Errors
    /// When what is shown lies below the floor.
    pub(super) fn raise(&self, shown: &Shown) -> Result<Option<Change>, FloorRefusal> {
        if shown.version < self.version {
            return Err(FloorRefusal::Behind {
                shown: shown.version,
                known: self.version,
            });
        }
        let same = shown.version == self.version;
        match self.rights {
            Some(known) if same && known == shown.rights => Ok(None),
            Some(_) if same => Err(FloorRefusal::OtherRights {
                version: shown.version,
            }),
            _ => Ok(Some(Change::Raised {
                version: shown.version,
                rights: shown.rights,
            })),
        }
    }

    /// The change that records a release of this request; none when it is recorded.
    ///
    /// # Errors
    /// When as many requests are recorded as views are permitted.
    pub(super) fn release(
        &self,
        shown: &Shown,
        request: Hash,
        at: Millis,
    ) -> Result<Option<Change>, FloorRefusal> {
        if self.recent.iter().any(|recent| recent.request == request) {
            return Ok(None);
        }
        if self.released >= shown.permitted {
            return Err(FloorRefusal::Spent {
                released: self.released,
                permitted: shown.permitted,
            });
        }
        Ok(Some(Change::Released(Recent { request, at })))
    }

    /// Carries out a recorded change.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Whole(floor) => *self = floor.clone(),
            Change::Raised { version, rights } => {
                self.version = *version;
                self.rights = Some(*rights);
            }
            Change::Released(recent) => {
                self.forget_before(recent.at);
                if self.recent.len() == MAX_RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(*recent);
                self.released = self.released.saturating_add(1);
            }
        }
    }

    /// Forgets requests that can no longer be resumed at this log time.
    pub(super) fn forget_before(&mut self, now: Millis) {
        self.recent
            .retain(|recent| now < recent.at.plus(RESUME_WINDOW));
    }
}
