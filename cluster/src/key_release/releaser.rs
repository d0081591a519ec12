//! The releaser of a node: its keys and its floors.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::{ClusterId, GrantId, NodeId};
use cameo_common::keys::{SealingSecret, SigningKey};
use tokio::sync::Semaphore;

use super::error::ReleaseError;
use crate::floor::Floors;
use crate::host::lost_folder::LOST_FOLDER;
use crate::host::rng::NodeRng;
use crate::host::seldom::Seldom;
use crate::host::signatures::RememberedSignatures;

/// Most calls that wait for a debit at once; others are told that there is none yet.
const MAX_AWAITING: usize = 256;

/// What a releaser is made of.
pub struct ReleaserDeps {
    pub node: NodeId,
    pub cluster: ClusterId,
    /// Opens the parts that are sealed to this node.
    pub sealing: SealingSecret,
    /// Signs this node's confirmations.
    pub signing: SigningKey,
    pub rng: NodeRng,
    pub signatures: Arc<RememberedSignatures>,
    pub floors: Floors,
}

/// Releases this node's parts, and confirms rights.
pub struct Releaser {
    pub(super) deps: ReleaserDeps,
    /// Places of calls that wait for a debit.
    pub(super) awaiting: Semaphore,
    alarms: Seldom,
}

impl Releaser {
    #[must_use]
    pub fn new(deps: ReleaserDeps) -> Self {
        Self {
            deps,
            awaiting: Semaphore::new(MAX_AWAITING),
            alarms: Seldom::default(),
        }
    }

    /// Logs that the state is rolled back, if that is the reason.
    pub(super) fn alarm(&self, grant: &GrantId, why: ReleaseError) -> ReleaseError {
        if why.is_rolled_back() && self.alarms.is_due() {
            tracing::error!(
                %grant,
                %why,
                "this node's state lies below what it has released by, so it releases nothing of \
                 this grant: stop it, and find out how its state was changed. {LOST_FOLDER}"
            );
        }
        why
    }
}

impl fmt::Debug for ReleaserDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReleaserDeps of node {}", self.node)
    }
}

impl fmt::Debug for Releaser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Releaser of node {}", self.deps.node)
    }
}
