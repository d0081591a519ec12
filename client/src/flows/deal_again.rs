//! Deals of the owner's grants to the cluster's present nodes, after these have changed.
//!
//! The ledger names the grants. Each is dealt anew by its cluster share, which this home has kept
//! since the grant was made, under the next number, and with the version of the rights and the
//! views used that the ledger has: a new holder begins there.

use cameo_common::api::{ErrorCode, GrantInfo, Role};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::GrantId;
use cameo_common::sealing::Share;
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::{Deal, FirstFloor};

use super::context::Context;
use super::error::LedgerError;
use super::holders::{holders, present};
use super::share::{ShareError, signed_deal};
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::directory;
use crate::vault::records::GrantOwned;
use crate::vault::{Vault, VaultError};

/// Most grants that one round deals, or tries to.
const MAX_A_ROUND: usize = 200;
/// Bound on the pages that are read.
const MAX_PAGES: usize = 20;
/// Attempts at one grant while other entries come first.
const ATTEMPTS: usize = 3;

/// What one round has done, in grants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    pub dealt: usize,
    /// Not dealt, and to be tried again.
    pub failed: usize,
    /// Not made in this home, so that it has no share of them: the home that made them deals them.
    pub elsewhere: usize,
    /// Whether there may be more.
    pub is_unfinished: bool,
}

/// A grant that was not dealt again.
#[derive(Debug, thiserror::Error)]
pub enum DealError {
    #[error("a node shows a grant that is not this home's, or rights that were not signed here")]
    Foreign,
    #[error(
        "a node shows rights of version {shown}, and the ledger had version {known} before: \
         nothing was signed"
    )]
    Behind { shown: u64, known: u64 },
    #[error("other entries came first {ATTEMPTS} times: it is tried again later")]
    Outrun,
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl DealError {
    /// Whether no other grant would be dealt either at present.
    fn is_clusters(&self) -> bool {
        matches!(
            self,
            Self::Cluster(ClusterError::Unreachable { .. } | ClusterError::NoQuorum)
        )
    }
}

/// What became of one grant.
enum Outcome {
    Dealt,
    /// It is dealt to the present nodes already.
    NotDue,
    Elsewhere,
}

/// Deals this owner's grants again that need it, as far as one round goes. The failure of one does
/// not end the round, unless the cluster is away.
///
/// # Errors
/// When the grants cannot be read.
pub async fn deal_again(ctx: &Context) -> Result<Round, LedgerError> {
    // Another node each time: one may keep back what needs a deal.
    ctx.api.ask_others_first(None).await;
    ctx.api.newest_descriptor().await;
    let (mut round, mut after) = (Round::default(), None);
    for _ in 0..MAX_PAGES {
        let page = ctx.api.grants_to_deal_again(after).await?;
        for info in page.grants {
            if round.dealt + round.failed >= MAX_A_ROUND {
                round.is_unfinished = true;
                return Ok(round);
            }
            let grant = info.grant;
            match deal_one(ctx, info).await {
                Ok(Outcome::Dealt) => round.dealt += 1,
                Ok(Outcome::NotDue) => {}
                Ok(Outcome::Elsewhere) => round.elsewhere += 1,
                Err(error) => {
                    tracing::warn!(%grant, %error, "a grant was not dealt again");
                    round.failed += 1;
                    if error.is_clusters() {
                        round.is_unfinished = true;
                        return Ok(round);
                    }
                }
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(round);
        }
    }
    round.is_unfinished = true;
    Ok(round)
}

/// Deals one grant again, by what a node says of it. Where another entry came first, it is read and
/// signed again.
async fn deal_one(ctx: &Context, mut info: GrantInfo) -> Result<Outcome, DealError> {
    let id = info.grant;
    let Some(owned) = ctx.vault.get::<GrantOwned>(&id.to_string())? else {
        return Ok(Outcome::Elsewhere);
    };
    for _ in 0..ATTEMPTS {
        let descriptor = match ctx.api.known_descriptor().await {
            Some(known) => known,
            None => ctx.api.descriptor().await?,
        };
        let Some(deal) = next_deal(ctx, &owned, &info, &descriptor)? else {
            return Ok(Outcome::NotDue);
        };
        match ctx.api.put_deal(&id, deal).await {
            Ok(_) => return Ok(Outcome::Dealt),
            Err(error) if error.code() == Some(ErrorCode::BadDeal) => {}
            Err(error) => {
                let parties = [&ctx.me.name, &owned.viewer];
                return Err(directory::believed(&ctx.api, &parties, error).await.into());
            }
        }
        ctx.api.newest_descriptor().await;
        ctx.api.ask_others_first(None).await;
        info = ctx.api.grant(&id).await?;
    }
    Err(DealError::Outrun)
}

/// The next deal of a grant, to this descriptor; None where the newest one is to it.
fn next_deal(
    ctx: &Context,
    owned: &GrantOwned,
    info: &GrantInfo,
    descriptor: &Descriptor,
) -> Result<Option<Signed<Deal>>, DealError> {
    let (newest, rights) = (info.deal.verify()?, info.rights.verify()?);
    let me = ctx.me.identity_key().public();
    let is_ours = info.role == Role::Owner
        && (info.grant, newest.grant, rights.grant) == (owned.grant, owned.grant, owned.grant)
        && (newest.owner, rights.owner) == (me, me);
    if !is_ours {
        return Err(DealError::Foreign);
    }
    // A new holder begins with this version.
    if rights.version < owned.recorded_version {
        return Err(DealError::Behind {
            shown: rights.version,
            known: owned.recorded_version,
        });
    }
    if newest.descriptor == descriptor.hash() {
        return Ok(None);
    }
    let share = Share::from_bytes(*owned.cluster_share.expose());
    let first_floor = FirstFloor {
        rights_version: rights.version,
        used: info.used,
    };
    let number = newest.number.saturating_add(1);
    let deal = signed_deal(
        ctx,
        &owned.manifest,
        &share,
        descriptor,
        number,
        first_floor,
    )?;
    Ok(Some(deal))
}

/// A grant that needs a new deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub info: GrantInfo,
    /// Whether a view can be opened until then: so many of its holders are left.
    pub opens: bool,
    /// Whether this home can deal it: it has the share of the grants that it has made.
    pub here: bool,
}

/// The owner's grants that need a new deal, as a node says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingGrants {
    pub grants: Vec<Waiting>,
    /// Whether there may be more than these.
    pub more: bool,
}

/// Reads which of this user's grants need a new deal.
///
/// # Errors
/// When they, or the records of this home, cannot be read.
pub async fn waiting(vault: &Vault, api: &ClusterApi) -> Result<WaitingGrants, LedgerError> {
    let mut found = WaitingGrants::default();
    let mut after: Option<GrantId> = None;
    for _ in 0..MAX_PAGES {
        let page = api.grants_to_deal_again(after).await?;
        for info in page.grants {
            let opens = opens(api, &info).await;
            let here = vault.get::<GrantOwned>(&info.grant.to_string())?.is_some();
            found.grants.push(Waiting { info, opens, here });
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
    found.more = true;
    Ok(found)
}

/// Whether enough holders of a grant's newest deal are left. Where that is not known it is not said
/// that they are not.
async fn opens(api: &ClusterApi, info: &GrantInfo) -> bool {
    let Ok(deal) = info.deal.verify() else {
        return true;
    };
    let holders = holders(api, &deal).await;
    holders.is_empty() || present(&holders) >= usize::from(deal.threshold)
}

#[cfg(test)]
mod tests;
