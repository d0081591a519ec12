//! Confirmation that this node releases nothing by rights below a version.

use std::time::Duration;

use cameo_common::ids::{GrantId, UserName};
use cameo_common::signed::Signed;
use cameo_common::statements::Confirmation;
use cameo_machine::{Refusal, read};
use cameo_mutant::{Mutant, is_planted};
use tokio::time::Instant;

use super::error::ReleaseError;
use super::release::is_rolled_back;
use super::releaser::Releaser;
use super::verified::verified_grant;
use crate::floor::Shown;
use crate::raft::Replica;

/// Time in which a node catches up before it confirms. Less than an owner waits for it.
pub const CONFIRM_WAIT: Duration = Duration::from_millis(1_500);

impl Releaser {
    /// Confirms a grant's rights of this version, or of the later one that the state has. The floor
    /// is durable at that version when this returns.
    ///
    /// # Errors
    /// When the asker is not the owner, when the rights are not in this node's state within
    /// [`CONFIRM_WAIT`], and when the state lies below the floor.
    pub async fn confirm(
        &self,
        replica: &dyn Replica,
        asker: &UserName,
        grant: &GrantId,
        version: u64,
    ) -> Result<Signed<Confirmation>, ReleaseError> {
        replica.takes_part()?;
        // A node that has just restarted may still lie below its own floor.
        let early = match has_version(replica, grant, version) {
            true => self.raised(replica, asker, grant).await.ok(),
            false => None,
        };
        let shown = match early {
            Some(shown) => shown,
            None => {
                replica.barrier(Instant::now() + CONFIRM_WAIT).await?;
                let mut raised = self.raised(replica, asker, grant).await;
                if is_rolled_back(&raised) {
                    raised = self.raised(replica, asker, grant).await;
                }
                raised.map_err(|why| self.alarm(grant, why))?
            }
        };
        if shown.version < version {
            return Err(ReleaseError::NotRecorded {
                asked: version,
                recorded: shown.version,
            });
        }
        // A proof may have come while the floor was written.
        replica.takes_part()?;
        let confirmation = Confirmation {
            node: self.deps.signing.public(),
            cluster: self.deps.cluster,
            grant: *grant,
            version: shown.version,
            rights: shown.rights,
        };
        Ok(Signed::new(&self.deps.signing, confirmation))
    }

    /// The rights of the state, to which the floor is raised, durably.
    async fn raised(
        &self,
        replica: &dyn Replica,
        asker: &UserName,
        grant: &GrantId,
    ) -> Result<Shown, ReleaseError> {
        let (signatures, cluster) = (&*self.deps.signatures, &self.deps.cluster);
        let (owner, shown) = verified_grant(signatures, &*replica.view(), grant, cluster)?;
        if owner != *asker {
            return Err(Refusal::NoSuchGrant.into());
        }
        if !is_planted(Mutant::FalseEnding) {
            self.deps.floors.raise(&shown).await?;
        }
        Ok(shown)
    }
}

/// Whether this node's state has rights of this version, or of a later one.
fn has_version(replica: &dyn Replica, grant: &GrantId, version: u64) -> bool {
    let statements = read::grant_statements(&*replica.view(), grant);
    let rights = statements.and_then(|statements| statements.rights.unverified().ok());
    rights.is_some_and(|rights| rights.version >= version)
}
