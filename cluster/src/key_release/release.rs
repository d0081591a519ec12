//! Release of this node's part for a debited view, sealed to the one-time key of the debit.
//!
//! The node trusts neither the viewer nor the leader: it reads the debit from its own applied
//! state, and verifies every signature that permits the release. It does not trust its state alone
//! either: the release has to be in its floors, on the disk, before the part leaves.

use std::time::Duration;

use cameo_common::api::Released;
use cameo_common::ids::{GrantId, Hash, Millis};
use cameo_common::sealing::{PartContext, ReleaseContext, open_part, release_part};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, DealtPart, ViewRequest};
use cameo_machine::read;
use cameo_mutant::{Mutant, is_planted};
use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::error::ReleaseError;
use super::releaser::Releaser;
use super::verified::{VerifiedView, verified_grant, verified_view};
use crate::raft::{CALL_DEADLINE, Replica};

/// How late a release is recorded where that bug is planted.
const RECORDED_LATE: Duration = Duration::from_secs(1);

impl Releaser {
    /// Releases this node's part for a view that was debited at log index `index` or before; with
    /// none, for one whose debit is under way, once it is in this node's state.
    ///
    /// # Errors
    /// When no barrier was possible or it is below `index`, when the debit does not come, when the
    /// view may not be released by the state or by the node's floor, and when this node has no part
    /// of the deal or cannot open it.
    pub async fn release(
        &self,
        replica: &dyn Replica,
        now: Millis,
        request: &Signed<ViewRequest>,
        index: Option<u64>,
    ) -> Result<Released, ReleaseError> {
        let content = request.verify_by(&*self.deps.signatures)?;
        let confirmed = replica.barrier(Instant::now() + CALL_DEADLINE).await?;
        match index {
            Some(asked) if asked > confirmed => {
                return Err(ReleaseError::Unconfirmed { asked, confirmed });
            }
            Some(_) => {}
            None => self.wait_for_debit(replica, &content).await?,
        }
        let mut released = self.release_now(replica, now, request, &content).await;
        if is_rolled_back(&released) {
            // Another call may have raised the floor by a newer state than this one has seen.
            released = self.release_now(replica, now, request, &content).await;
        }
        released.map_err(|why| self.alarm(&content.grant, why))
    }

    /// Releases by the state as it is now.
    async fn release_now(
        &self,
        replica: &dyn Replica,
        now: Millis,
        request: &Signed<ViewRequest>,
        content: &ViewRequest,
    ) -> Result<Released, ReleaseError> {
        let signatures = &*self.deps.signatures;
        let verified = verified_view(signatures, &*replica.view(), request, content, now);
        match verified {
            Ok(verified) => {
                self.release_verified(replica, &verified, content, request.hash())
                    .await
            }
            Err(why) => Err(self.refuse(replica, &content.grant, why).await),
        }
    }

    async fn release_verified(
        &self,
        replica: &dyn Replica,
        verified: &VerifiedView,
        request: &ViewRequest,
        request_hash: Hash,
    ) -> Result<Released, ReleaseError> {
        let part = self.own_part(&verified.deal)?;
        let context = PartContext::of(&verified.deal, part);
        let opened = open_part(&self.deps.sealing, &context, part)?;
        self.record(verified, request_hash).await?;
        // A proof that this folder is an older copy may have come while the floor was written.
        replica.takes_part()?;
        let context = ReleaseContext {
            part: context,
            request: request.request,
            request_hash,
        };
        self.seal_to_one_time_key(&verified.deal, request, &context, &opened)
    }

    /// Records the release. Law: the record is durable before the part leaves.
    async fn record(&self, verified: &VerifiedView, request: Hash) -> Result<(), ReleaseError> {
        let (shown, at) = (verified.shown, verified.at);
        if is_planted(Mutant::FloorAfterRelease) {
            let floors = self.deps.floors.clone();
            tokio::spawn(async move {
                tokio::time::sleep(RECORDED_LATE).await;
                drop(floors.release(&shown, request, at).await);
            });
            return Ok(());
        }
        Ok(self.deps.floors.release(&shown, request, at).await?)
    }

    /// A refused release raises the floor too, where the state has newer rights: a node that has
    /// refused by a revocation remembers it. A state below the floor is the graver reason.
    async fn refuse(
        &self,
        replica: &dyn Replica,
        grant: &GrantId,
        why: ReleaseError,
    ) -> ReleaseError {
        match self.raise(replica, grant).await {
            Err(floor) if floor.is_rolled_back() => floor,
            _ => why,
        }
    }

    async fn raise(&self, replica: &dyn Replica, grant: &GrantId) -> Result<(), ReleaseError> {
        let shown = {
            let view = replica.view();
            let Some(statements) = read::grant_statements(&*view, grant) else {
                return Ok(());
            };
            // Most refusals repeat what the floor has: they cost no check of signatures.
            let known = self.deps.floors.get(grant).and_then(|floor| floor.rights);
            if known == Some(statements.rights.hash()) {
                return Ok(());
            }
            verified_grant(&*self.deps.signatures, &*view, grant, &self.deps.cluster)?.1
        };
        Ok(self.deps.floors.raise(&shown).await?)
    }

    fn seal_to_one_time_key(
        &self,
        deal: &Deal,
        request: &ViewRequest,
        context: &ReleaseContext,
        opened: &Zeroizing<Vec<u8>>,
    ) -> Result<Released, ReleaseError> {
        let mut generator = self.deps.rng.generator();
        let released = release_part(&mut generator, context, &request.one_time, opened)?;
        Ok(Released {
            node: self.deps.node,
            deal: deal.number,
            x: released.x,
            sealed: BASE64URL_NOPAD.encode(&released.sealed),
        })
    }

    fn own_part<'a>(&self, deal: &'a Deal) -> Result<&'a DealtPart, ReleaseError> {
        let own = self.deps.sealing.public();
        deal.parts
            .iter()
            .find(|part| part.node == self.deps.node && part.key == own)
            .ok_or(ReleaseError::NotAHolder)
    }
}

/// Whether a state below the floor was found. With another call between the view of the state and
/// the floor, it may be found wrongly, once.
pub(super) fn is_rolled_back<T>(answer: &Result<T, ReleaseError>) -> bool {
    answer
        .as_ref()
        .err()
        .is_some_and(ReleaseError::is_rolled_back)
}
