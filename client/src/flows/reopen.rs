//! Reopening of an owner's grants, which a restored cluster has closed.
//!
//! The owner signs with how many views used the grant goes on, and deals it to the new nodes. The
//! backup may be older than what was seen, and than the rights: newer rights of this home go to the
//! ledger first, and the owner may say that more views were used than the ledger has.

use cameo_common::api::{ErrorCode, GrantInfo, Role};
use cameo_common::ids::GrantId;
use cameo_common::rights::{MAX_PERMITTED, Rights};
use cameo_common::sealing::Share;
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::{Deal, FirstFloor, Reopening};

use super::context::Context;
use super::share::{ShareError, signed_deal};
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
            ReopenError::NotClosed | ReopenError::Used { .. } => ErrorKind::Usage,
            ReopenError::Foreign => ErrorKind::Untrusted,
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
    for _ in 0..ATTEMPTS {
        let info = with_own_rights(ctx, owned).await?;
        let rights = checked(ctx, owned, &info)?;
        if !info.closed {
            return Err(ReopenError::NotClosed);
        }
        let used = used.unwrap_or(info.used);
        if used < info.used || (used > info.used && used > MAX_PERMITTED) {
            return Err(ReopenError::Used { known: info.used });
        }
        let (reopening, deal) = signed(ctx, owned, &info, (rights.version, used)).await?;
        let id = owned.grant;
        match ctx.api.reopen(&id, reopening, deal.clone()).await {
            Ok(_) => {
                store(ctx, &id, deal, rights.version).map_err(ReopenError::Unstored)?;
                let permitted = rights.permitted;
                return Ok(Reopened { used, permitted });
            }
            Err(error) if error.code() == Some(ErrorCode::BadDeal) => {}
            Err(error) => {
                let parties = [&ctx.me.name, &owned.viewer];
                return Err(directory::believed(&ctx.api, &parties, error).await.into());
            }
        }
        ctx.api.newest_descriptor().await;
        ctx.api.ask_others_first(None).await;
    }
    Err(ReopenError::Outrun)
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
        && (newest.owner, rights.owner) == (me, me)
        && rights.version >= owned.version;
    match is_ours {
        true => Ok(rights),
        false => Err(ReopenError::Foreign),
    }
}

async fn signed(
    ctx: &Context,
    owned: &GrantOwned,
    info: &GrantInfo,
    (rights_version, used): (u64, u32),
) -> Result<(Signed<Reopening>, Signed<Deal>), ReopenError> {
    let descriptor = match ctx.api.known_descriptor().await {
        Some(known) => known,
        None => ctx.api.descriptor().await?,
    };
    let share = Share::from_bytes(*owned.cluster_share.expose());
    let floor = FirstFloor {
        rights_version,
        used,
    };
    let number = info.deal.unverified()?.number.saturating_add(1);
    let deal = signed_deal(ctx, &owned.manifest, &share, &descriptor, number, floor)?;
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

/// The deal is the first one in this cluster: endings are counted from it on.
fn store(ctx: &Context, id: &GrantId, deal: Signed<Deal>, recorded: u64) -> Result<(), VaultError> {
    change::<GrantOwned>(&ctx.vault, &id.to_string(), |owned| {
        owned.deal = deal;
        owned.recorded_version = owned.recorded_version.max(recorded);
    })
    .map(drop)
}
