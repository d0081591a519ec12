//! Changing what a viewer may do: into the ledger first, then straight to the viewer.

use std::time::Duration;

use cameo_common::api::{ErrorCode, Role};
use cameo_common::rights::Rights;
use cameo_common::signed::{Signed, StatementError};
use tokio::time::{Instant, sleep};

use super::context::Context;
use super::notices::Notices;
use super::presence::report_offline;
use super::share::{self, ShareError};
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::Peers;
use crate::vault::VaultError;
use crate::vault::records::{Attempts, GrantOwned, OutboxKey, change};

/// Statements that are signed anew when another device was faster.
const MAX_VERSIONS: usize = 4;
/// How often a viewer is tried before the directory is told that they are offline.
const ATTEMPTS: usize = 2;
/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(300);

/// Why rights stay as they were.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    #[error("this grant is not yours to change; `cameo shared` lists those that are")]
    NotYours,
    #[error("the ledger tells rights that you did not sign; have the nodes looked at")]
    ForeignRights,
    #[error("another device of yours changes the same rights; try again when it is done")]
    OtherDevice,
    #[error("the grant has just gone")]
    Gone,
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
            RightsError::NotYours | RightsError::Gone => ErrorKind::NotFound,
            RightsError::ForeignRights | RightsError::OtherDevice => ErrorKind::Other,
            RightsError::Cluster(error) => error.kind(),
            RightsError::Statement(error) => error.kind(),
            RightsError::Vault(error) => error.kind(),
        }
    }
}

/// Rights that the ledger has taken.
#[derive(Debug)]
pub struct Recorded {
    pub owned: GrantOwned,
    pub rights: Rights,
    /// Views that were taken before the change.
    pub used: u32,
    pub in_mailbox: bool,
}

/// Signs the next version with these changes, and puts it into the ledger. Of two statements with
/// one version the ledger's wins: then the next is signed.
///
/// # Errors
/// When the ledger does not take it.
pub async fn record(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<Recorded, RightsError> {
    let key = ctx.me.identity_key();
    for _ in 0..MAX_VERSIONS {
        let info = ctx.api.grant(&owned.grant).await?;
        if info.role != Role::Owner {
            return Err(RightsError::NotYours);
        }
        let mut next = info.rights.verify()?;
        if next.owner != key.public() || next.grant != owned.grant {
            return Err(RightsError::ForeignRights);
        }
        edit(&mut next);
        next.version = info.version.max(owned.version) + 1;
        let signed = Signed::new(&key, next.clone());
        match ctx.api.put_rights(&owned.grant, signed.clone()).await {
            Ok(stored) => {
                return Ok(Recorded {
                    owned: keep(ctx, &owned, &next, signed)?,
                    rights: next,
                    used: info.used,
                    in_mailbox: stored.in_mailbox,
                });
            }
            Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(RightsError::OtherDevice)
}

fn keep(
    ctx: &Context,
    owned: &GrantOwned,
    rights: &Rights,
    signed: Signed<Rights>,
) -> Result<GrantOwned, RightsError> {
    let kept = change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |kept| {
        if rights.version > kept.version {
            kept.rights = signed;
            kept.version = rights.version;
            kept.revoked = rights.revoked;
            kept.expires = rights.expires;
        }
        kept.recorded_version = kept.recorded_version.max(rights.version);
    })?;
    // Whatever became of the version before: this one has not been sent yet, be it by itself or with the carrier.
    Attempts::forget(&ctx.vault, OutboxKey::Rights(owned.grant))?;
    Attempts::forget(&ctx.vault, OutboxKey::Deliver(owned.grant))?;
    kept.ok_or(RightsError::Gone)
}

/// Sends the newest rights straight to the viewer; one who does not answer is reported offline.
///
/// # Errors
/// When the viewer does not take them now.
pub async fn send(ctx: &Context, peers: &Peers, owned: &GrantOwned) -> Result<(), ShareError> {
    let viewer = &owned.viewer;
    let mut attempt = 1;
    loop {
        let began = Instant::now();
        match share::send_rights(ctx, peers, owned).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::PeerOffline => return Err(error),
            Err(error) if attempt >= ATTEMPTS => {
                tracing::info!(%viewer, took = ?began.elapsed(), "given up");
                report_offline(ctx, &Notices::default(), viewer).await;
                return Err(error);
            }
            Err(_) => attempt += 1,
        }
        sleep(PAUSE).await;
    }
}
