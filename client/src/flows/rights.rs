//! Changes of a viewer's rights: recorded in the ledger first, then sent directly to the viewer.
//! Endings are confirmed by the nodes that hold parts.

mod base;
mod compacted;
mod confirm;
mod replaced;

use std::time::Duration;

use cameo_common::api::{ErrorCode, GRANT_RETENTION};
use cameo_common::ids::GrantId;
use cameo_common::rights::Rights;
use cameo_common::signed::{Signed, StatementError};
use tokio::time::{Instant, sleep};

use super::context::Context;
use super::notices::Notices;
use super::presence::report_offline;
use super::share::{self, ShareError};
use crate::cluster_api::ClusterError;
use crate::directory;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::Peers;
use crate::vault::VaultError;
use crate::vault::records::{Attempts, GrantOwned, OutboxKey, UnconfirmedEnding, change};

use base::Base;
pub use compacted::{Absence, absence};
pub use confirm::{CONFIRM_DEADLINE, Confirmations, confirmations, is_ending};

/// Bound on the versions that are signed when another device is faster.
const MAX_VERSIONS: usize = 4;
/// Attempts at a viewer before they are reported offline.
const ATTEMPTS: usize = 2;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(300);

/// Rights that were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    #[error("this grant is not yours to change; `cameo shared` lists those that are")]
    NotYours,
    #[error("the ledger returned rights that you did not sign; report this to the operator")]
    ForeignRights,
    #[error(
        "a node shows rights of version {shown}, and the ledger had version {known} before: \
         nothing was signed; try again, and tell the operator if it stays so"
    )]
    Behind { shown: u64, known: u64 },
    #[error(
        "a node claims that the rights have version {claimed}, and this home knows of {known}: \
         nothing was signed; tell the operator"
    )]
    TooFarAhead { claimed: u64, known: u64 },
    #[error("another device of yours is changing the same rights; try again later")]
    OtherDevice,
    /// It was removed while the ledger recorded the rights.
    #[error(
        "the new rights are recorded in the ledger, and the grant was removed from this home \
         meanwhile; `cameo shared` shows them"
    )]
    Gone,
    #[error(
        "the ledger no longer keeps this grant: it ended more than {days} days ago, and nothing is \
         released for it",
        days = GRANT_RETENTION.as_secs() / 86_400
    )]
    NotKept,
    #[error(
        "the cluster was restored from a backup that is older than this grant: the ledger does not \
         have it, nothing is released for it, and it is closed here. The photo can be shared again"
    )]
    NotRestored,
    #[error(
        "the new rights are recorded, and not known to be in force: {} of {} nodes have confirmed \
         them, and {} are needed",
        .0.confirmed, .0.holders, .0.needed
    )]
    Unconfirmed(Confirmations),
    #[error(
        "the new rights are recorded in the ledger, and this home could not store that: {0}. When \
         that is mended, look at `cameo shared`, which shows them, before you run it again"
    )]
    Unstored(VaultError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for RightsError {
    fn kind(&self) -> ErrorKind {
        match self {
            RightsError::NotYours
            | RightsError::Gone
            | RightsError::NotKept
            | RightsError::NotRestored => ErrorKind::NotFound,
            RightsError::Unconfirmed(_) => ErrorKind::ClusterAway,
            RightsError::ForeignRights
            | RightsError::OtherDevice
            | RightsError::Behind { .. }
            | RightsError::TooFarAhead { .. } => ErrorKind::Other,
            RightsError::Cluster(error) => error.kind(),
            RightsError::Statement(error) => error.kind(),
            RightsError::Unstored(error) | RightsError::Vault(error) => error.kind(),
        }
    }
}

/// Rights of which one node has said that the ledger has them.
#[derive(Debug)]
pub struct Recorded {
    pub owned: GrantOwned,
    pub rights: Rights,
    /// Whether they permit less than those before.
    pub is_ending: bool,
    /// Whether the rights before were revoked, and these are not.
    pub is_restored: bool,
    /// Views used before the change, as a node says; `None` when none was believed.
    pub used: Option<u32>,
    pub in_mailbox: bool,
}

/// Signs the next version with these changes and records it in the ledger. If another statement has
/// the version already, the following version is signed, by what all nodes show.
///
/// # Errors
/// When the ledger refuses it or cannot be reached.
pub async fn record(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<Recorded, RightsError> {
    let key = ctx.me.identity_key();
    let mut is_stale = false;
    for _ in 0..MAX_VERSIONS {
        let Base {
            rights: before,
            used,
        } = base::find(ctx, &owned, is_stale, &edit).await?;
        let mut next = before.clone();
        let version = next.version + 1;
        edit(&mut next);
        next.version = version;
        let signed = Signed::new(&key, next.clone());
        match ctx.api.put_rights(&owned.grant, signed.clone()).await {
            Ok(stored) => {
                let is_ending = is_ending(&before, &next);
                let kept = keep(ctx, &owned, &next, signed, is_ending);
                return Ok(Recorded {
                    owned: kept
                        .map_err(RightsError::Unstored)?
                        .ok_or(RightsError::Gone)?,
                    is_restored: before.revoked && !next.revoked,
                    rights: next,
                    is_ending,
                    used,
                    in_mailbox: stored.in_mailbox,
                });
            }
            Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => {
                is_stale = true;
            }
            Err(error) => {
                let parties = [&ctx.me.name, &owned.viewer];
                return Err(directory::believed(&ctx.api, &parties, error).await.into());
            }
        }
    }
    Err(RightsError::OtherDevice)
}

/// Keeps recorded rights, and that they are to be sent and, if they end something, confirmed.
/// `None` if the home has no such grant.
fn keep(
    ctx: &Context,
    owned: &GrantOwned,
    rights: &Rights,
    signed: Signed<Rights>,
    is_ending: bool,
) -> Result<Option<GrantOwned>, VaultError> {
    if is_ending {
        let ending = UnconfirmedEnding {
            grant: owned.grant,
            version: rights.version,
        };
        ctx.vault.put(&owned.grant.to_string(), &ending)?;
        Attempts::reset(&ctx.vault, OutboxKey::Confirm(owned.grant))?;
    }
    let kept = keep_newer(ctx, owned, rights, signed)?;
    // This version was not sent yet, by itself or with the carrier, whatever became of earlier
    // ones.
    Attempts::reset(&ctx.vault, OutboxKey::Rights(owned.grant))?;
    Attempts::reset(&ctx.vault, OutboxKey::Deliver(owned.grant))?;
    Ok(kept)
}

/// Keeps recorded rights, unless the home has newer ones. `None` if it has no such grant.
fn keep_newer(
    ctx: &Context,
    owned: &GrantOwned,
    rights: &Rights,
    signed: Signed<Rights>,
) -> Result<Option<GrantOwned>, VaultError> {
    change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |kept| {
        if rights.version > kept.version {
            kept.rights = signed;
            kept.version = rights.version;
            kept.revoked = rights.revoked;
            kept.expires = rights.expires;
        }
        kept.recorded_version = kept.recorded_version.max(rights.version);
    })
}

/// Collects confirmations of the newest rights from the present nodes, for each descriptor that the
/// grant may have been dealt to. Once enough nodes have
/// confirmed them, the agent need not ask any more.
///
/// # Errors
/// When the home cannot be read or written, or its deal is of another version.
pub async fn confirm(ctx: &Context, owned: &GrantOwned) -> Result<Confirmations, RightsError> {
    let (deal, rights) = (owned.deal.verify()?, owned.rights.verify()?);
    let found = confirmations(&ctx.api, &deal, &rights, &owned.rights).await;
    if found.is_in_force() {
        let id = owned.grant.to_string();
        ctx.vault
            .update::<UnconfirmedEnding, VaultError>(&id, |kept| {
                Ok(kept.filter(|ending| ending.version > rights.version))
            })?;
    }
    Ok(found)
}

/// Confirms an ending that was not confirmed by enough nodes before. One in whose place rights that
/// permit more were recorded needs no confirmation any more.
///
/// # Errors
/// When there are still too few.
pub async fn confirm_again(ctx: &Context, grant: &GrantId) -> Result<(), RightsError> {
    let Some(owned) = ctx.vault.get::<GrantOwned>(&grant.to_string())? else {
        return Ok(());
    };
    let found = confirm(ctx, &owned).await?;
    if found.is_in_force() {
        return Ok(());
    }
    if let Err(error) = ctx.api.grant(grant).await
        && absence(ctx, &owned, &error).await?.is_some()
    {
        return Ok(compacted::close(&ctx.vault, &owned)?);
    }
    if replaced::take_later(ctx, &owned).await? {
        return Ok(());
    }
    Err(RightsError::Unconfirmed(found))
}

/// Sends the newest rights directly to the viewer, who is reported offline if they do not answer.
///
/// # Errors
/// When the viewer does not accept them now.
pub async fn send(ctx: &Context, peers: &Peers, owned: &GrantOwned) -> Result<(), ShareError> {
    let viewer = &owned.viewer;
    let mut attempt = 1;
    loop {
        let began = Instant::now();
        match share::send_rights(ctx, peers, owned).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::PeerOffline => return Err(error),
            Err(error) if attempt >= ATTEMPTS => {
                tracing::info!(%viewer, took = ?began.elapsed(), "the viewer does not answer");
                report_offline(ctx, &Notices::default(), viewer).await;
                return Err(error);
            }
            Err(_) => attempt += 1,
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
