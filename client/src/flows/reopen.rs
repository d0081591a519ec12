//! Reopening of an owner's grants, which a restored cluster has closed.
//!
//! The owner signs with how many views used the grant goes on, and deals it to the new nodes. The
//! backup may be older than what was seen, and than the rights: newer rights of this home go to the
//! ledger first, and the owner may say that more views were used than the ledger has. Nothing signs
//! what a node says of the views used, so that it takes more nodes than may lie.

use cameo_common::api::{ErrorCode, GrantInfo, Role};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::rights::{Denied, MAX_PERMITTED, Rights};
use cameo_common::sealing::Share;
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::{Deal, FirstFloor, Reopening};

use super::context::Context;
use super::share::{ShareError, signed_deal};
use crate::clock;
use crate::cluster_api::ClusterError;
use crate::directory;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::VaultError;
use crate::vault::records::{GrantOwned, change};

/// Attempts at one grant while other entries come first.
const ATTEMPTS: usize = 3;

/// A grant that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reopened {
    /// Views that count as used.
    pub used: u32,
    pub permitted: u32,
}

/// A grant that was not opened again.
#[derive(Debug, thiserror::Error)]
pub enum ReopenError {
    #[error("this grant is not closed: there is nothing to do")]
    NotClosed,
    #[error(
        "the ledger has {known} views used, and nothing was opened: the number may be higher, up \
         to {MAX_PERMITTED}, and never lower"
    )]
    Used { known: u32 },
    #[error(
        "a node shows a grant that is not this home's, or rights that were not signed here: \
         nothing was signed"
    )]
    Foreign,
    #[error(
        "a node shows rights of version {shown}, and the ledger had version {known} before, which \
         another device has signed: nothing was signed. Open the grant there, or revoke it here"
    )]
    Behind { shown: u64, known: u64 },
    #[error(
        "too few nodes say the same of how many views were used: nothing was signed. Try again, or \
         say it with --used"
    )]
    Unagreed,
    /// Also one that the home has ended and the backup has not.
    #[error("this grant has ended: it stays closed")]
    Ended,
    #[error("other entries came first {ATTEMPTS} times, and the grant is still closed: try again")]
    Outrun,
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The grant is open.
    #[error("the grant is open again, and this home could not store that: {0}")]
    Unstored(VaultError),
}

impl Classified for ReopenError {
    fn kind(&self) -> ErrorKind {
        match self {
            ReopenError::NotClosed | ReopenError::Ended | ReopenError::Used { .. } => {
                ErrorKind::Usage
            }
            ReopenError::Foreign | ReopenError::Behind { .. } | ReopenError::Unagreed => {
                ErrorKind::Untrusted
            }
            ReopenError::Outrun => ErrorKind::Busy,
            ReopenError::Cluster(error) => error.kind(),
            ReopenError::Share(error) => error.kind(),
            ReopenError::Statement(error) => error.kind(),
            ReopenError::Unstored(error) => error.kind(),
        }
    }
}

/// Opens a grant again, with the views used that the ledger has, or with more.
///
/// # Errors
/// See [`ReopenError`].
pub async fn reopen(
    ctx: &Context,
    owned: &GrantOwned,
    used: Option<u32>,
) -> Result<Reopened, ReopenError> {
    ctx.api.newest_descriptor().await;
    let mut outcome = ReopenError::Outrun;
    for _ in 0..ATTEMPTS {
        let info = with_own_rights(ctx, owned).await?;
        let rights = checked(ctx, owned, &info)?;
        if !info.closed {
            return open_already(ctx, owned, &info, &rights);
        }
        check_not_ended(owned, &rights)?;
        let descriptor = match ctx.api.known_descriptor().await {
            Some(known) => known,
            None => ctx.api.descriptor().await?,
        };
        match used_views(ctx, owned, &descriptor, used).await {
            Ok(used) => {
                let numbers = (rights.version, used);
                let (reopening, deal) = signed(ctx, owned, &info, &descriptor, numbers)?;
                match ctx.api.reopen(&owned.grant, reopening, deal.clone()).await {
                    Ok(_) => return opened(ctx, owned, &info, &rights, deal),
                    Err(error) if error.code() == Some(ErrorCode::BadDeal) => {
                        outcome = ReopenError::Outrun;
                    }
                    Err(error) => {
                        let parties = [&ctx.me.name, &owned.viewer];
                        return Err(directory::believed(&ctx.api, &parties, error).await.into());
                    }
                }
            }
            // Nodes that are behind say nothing of the grant yet.
            Err(ReopenError::Unagreed) => outcome = ReopenError::Unagreed,
            Err(error) => return Err(error),
        }
        ctx.api.newest_descriptor().await;
        ctx.api.ask_others_first(None).await;
    }
    Err(outcome)
}

/// With how many views used the grant goes on. The ledger's number is the one that t nodes say:
/// fewer than t may lie, also when they answer that a lower number is refused. No view is used
/// while the grant is closed, so that the others agree.
async fn used_views(
    ctx: &Context,
    owned: &GrantOwned,
    descriptor: &Descriptor,
    given: Option<u32>,
) -> Result<u32, ReopenError> {
    let answers = ctx.api.grant_by_each(&owned.grant).await;
    let said = answers.iter().filter(|info| info.grant == owned.grant);
    let said = said.map(|info| info.used).collect();
    match (agreed(said, descriptor.threshold()), given) {
        (Some(known), None) => Ok(known),
        (Some(known), Some(given)) if given < known || (given > known && given > MAX_PERMITTED) => {
            Err(ReopenError::Used { known })
        }
        // The ledger refuses too few.
        (_, Some(given)) => Ok(given),
        (None, None) => Err(ReopenError::Unagreed),
    }
}

/// The least number that so many say.
fn agreed(mut said: Vec<u32>, threshold: usize) -> Option<u32> {
    said.sort_unstable();
    let same = said.chunk_by(|one, next| one == next);
    same.filter(|same| same.len() >= threshold)
        .find_map(|same| same.first().copied())
}

/// Refuses a grant that is over, as the newest rights or this home say.
fn check_not_ended(owned: &GrantOwned, rights: &Rights) -> Result<(), ReopenError> {
    let now = clock::now();
    let is_over = matches!(rights.check(1, now), Err(Denied::Revoked | Denied::Expired));
    match is_over || (rights.version <= owned.version && !owned.is_live(now)) {
        true => Err(ReopenError::Ended),
        false => Ok(()),
    }
}

/// Whether the newest deal of a grant is one that this home has signed for the restored cluster,
/// and does not know to be recorded: the answer was lost, or this program was ended before it came.
#[must_use]
pub fn is_unnoticed(ctx: &Context, owned: &GrantOwned, info: &GrantInfo) -> bool {
    let cluster = ctx.me.cluster;
    let me = ctx.me.identity_key().public();
    let is_known = owned.deal.unverified().map(|known| known.cluster) == Ok(cluster);
    let is_ours = info
        .deal
        .verify()
        .is_ok_and(|deal| (deal.owner, deal.cluster, deal.grant) == (me, cluster, owned.grant));
    !info.closed && !is_known && is_ours
}

/// A grant that is not closed: stored, if this home has opened it and does not know.
fn open_already(
    ctx: &Context,
    owned: &GrantOwned,
    info: &GrantInfo,
    rights: &Rights,
) -> Result<Reopened, ReopenError> {
    match is_unnoticed(ctx, owned, info) {
        true => opened(ctx, owned, info, rights, info.deal.clone()),
        false => Err(ReopenError::NotClosed),
    }
}

fn opened(
    ctx: &Context,
    owned: &GrantOwned,
    info: &GrantInfo,
    rights: &Rights,
    deal: Signed<Deal>,
) -> Result<Reopened, ReopenError> {
    let used = deal.unverified()?.first_floor.used;
    let stored = store(ctx, owned, deal, (rights, &info.rights));
    stored.map_err(ReopenError::Unstored)?;
    let permitted = rights.permitted;
    Ok(Reopened { used, permitted })
}

/// What a node says of a grant, once the ledger has the newest rights of this home: a backup may
/// have older ones, and a lowering would be lost.
async fn with_own_rights(ctx: &Context, owned: &GrantOwned) -> Result<GrantInfo, ReopenError> {
    let id = owned.grant;
    let info = ctx.api.grant(&id).await?;
    if info.rights.verify()?.version >= owned.version {
        return Ok(info);
    }
    ctx.api.put_rights(&id, owned.rights.clone()).await?;
    Ok(ctx.api.grant(&id).await?)
}

/// The rights that a node shows, if they and the grant are this home's.
fn checked(ctx: &Context, owned: &GrantOwned, info: &GrantInfo) -> Result<Rights, ReopenError> {
    let (newest, rights) = (info.deal.verify()?, info.rights.verify()?);
    let me = ctx.me.identity_key().public();
    let is_ours = info.role == Role::Owner
        && (info.grant, newest.grant, rights.grant) == (owned.grant, owned.grant, owned.grant)
        && (newest.owner, rights.owner) == (me, me);
    if !is_ours {
        return Err(ReopenError::Foreign);
    }
    let (shown, known) = (rights.version, owned.version.max(owned.recorded_version));
    match shown < known {
        true => Err(ReopenError::Behind { shown, known }),
        false => Ok(rights),
    }
}

fn signed(
    ctx: &Context,
    owned: &GrantOwned,
    info: &GrantInfo,
    descriptor: &Descriptor,
    (rights_version, used): (u64, u32),
) -> Result<(Signed<Reopening>, Signed<Deal>), ReopenError> {
    let share = Share::from_bytes(*owned.cluster_share.expose());
    let floor = FirstFloor {
        rights_version,
        used,
    };
    let number = info.deal.unverified()?.number.saturating_add(1);
    let deal = signed_deal(ctx, &owned.manifest, &share, descriptor, number, floor)?;
    let key = ctx.me.identity_key();
    let reopening = Reopening {
        owner: key.public(),
        cluster: ctx.me.cluster,
        grant: owned.grant,
        rights_version,
        used,
    };
    Ok((Signed::new(&key, reopening), deal))
}

/// The deal is the first one in this cluster: endings are counted from it on. Rights that another
/// device has signed since are taken over: it goes on by these.
fn store(
    ctx: &Context,
    owned: &GrantOwned,
    deal: Signed<Deal>,
    (rights, signed): (&Rights, &Signed<Rights>),
) -> Result<(), VaultError> {
    change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |owned| {
        owned.deal = deal;
        if rights.version > owned.version {
            owned.rights = signed.clone();
            owned.version = rights.version;
            owned.revoked = rights.revoked;
            owned.expires = rights.expires;
        }
        owned.recorded_version = owned.recorded_version.max(rights.version);
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::agreed;

    proptest! {
        #[test]
        fn attack_fewer_nodes_than_the_threshold_move_no_count_of_used_views(
            used in 0_u32..20,
            told in prop::collection::vec(0_u32..20, 0..3),
            honest in 0_usize..5,
        ) {
            // given nodes that tell the ledger's number, and fewer than t that tell any other
            let threshold = told.len() + 1;
            let said = [vec![used; honest], told].concat();
            // then it is theirs, or none
            let found = agreed(said, threshold);
            prop_assert!(found.is_none_or(|found| found == used));
            prop_assert!(honest < threshold || found == Some(used));
        }
    }
}
