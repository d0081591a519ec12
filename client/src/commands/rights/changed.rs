//! Changes of rights, shared by `rights`, `revoke` and `approve`; their report is in `report`.

mod report;

use cameo_common::ids::{GrantId, Millis, UserName};
use cameo_common::rights::Rights;

use crate::commands::error::PeersError;
use crate::commands::peers::peers;
use crate::control;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::rights::{self, Confirmations, RightsError};
use crate::flows::share::ShareError;
use crate::vault::records::{Attempts, GrantOwned, OutboxKey, Stage};

/// The result of a change.
#[derive(Debug)]
pub struct Changed {
    pub grant: GrantId,
    viewer: UserName,
    rights: Rights,
    /// Whether they were revoked before, and are not any more.
    is_restored: bool,
    /// Whether their time has passed, so that they open nothing.
    is_expired: bool,
    /// Views used before the change, as a node says; `None` when none was believed.
    used: Option<u32>,
    in_mailbox: bool,
    undelivered: Option<Undelivered>,
    /// Of an ending only.
    confirmed: Option<Result<Confirmations, RightsError>>,
}

/// Rights that the viewer does not have yet.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("{0} does not have the carrier yet")]
    NoCarrierYet(UserName),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Share(#[from] ShareError),
}

impl Classified for Undelivered {
    fn kind(&self) -> ErrorKind {
        match self {
            Undelivered::NoCarrierYet(_) => ErrorKind::Other,
            Undelivered::Peers(error) => error.kind(),
            Undelivered::Share(error) => error.kind(),
        }
    }
}

impl Undelivered {
    /// Whether the viewer never gets it.
    fn is_for_good(&self) -> bool {
        self.kind() == ErrorKind::Retired
    }
}

/// Signs the next version with these changes, records it in the ledger and sends it to the viewer.
/// An ending is confirmed by the nodes meanwhile.
///
/// # Errors
/// When the ledger does not record it. A viewer who cannot be reached is no error: the mailbox
/// keeps the rights for them. Neither are too few confirmations: the agent goes on to collect them.
pub async fn change_and_send(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<Changed, RightsError> {
    let recorded = rights::record(ctx, owned, edit).await?;
    let confirm = async {
        match recorded.is_ending {
            true => Some(rights::confirm(ctx, &recorded.owned).await),
            false => None,
        }
    };
    let (confirmed, sent) = tokio::join!(confirm, send(ctx, &recorded.owned));
    let undelivered = sent.err();
    if let Some(why) = undelivered.as_ref().filter(|why| why.is_for_good()) {
        let key = match recorded.owned.stage < Stage::Delivered {
            true => OutboxKey::Deliver(recorded.owned.grant),
            false => OutboxKey::Rights(recorded.owned.grant),
        };
        Attempts::give_up(&ctx.vault, key, why.to_string()).map_err(RightsError::Unstored)?;
    }
    if undelivered.is_some() || !is_in_force(confirmed.as_ref()) {
        control::wake(ctx.vault.home()).await;
    }
    Ok(Changed {
        grant: recorded.owned.grant,
        viewer: recorded.owned.viewer,
        is_restored: recorded.is_restored,
        is_expired: is_expired(&recorded.rights, ctx.api.cluster_now()),
        rights: recorded.rights,
        used: recorded.used,
        in_mailbox: recorded.in_mailbox && undelivered.is_some(),
        undelivered,
        confirmed,
    })
}

fn is_expired(rights: &Rights, now: Millis) -> bool {
    !rights.revoked && rights.expires.is_some_and(|expires| expires <= now)
}

/// Whether nothing is left to be confirmed.
fn is_in_force(confirmed: Option<&Result<Confirmations, RightsError>>) -> bool {
    confirmed.is_none_or(|found| found.as_ref().is_ok_and(Confirmations::is_in_force))
}

async fn send(ctx: &Context, owned: &GrantOwned) -> Result<(), Undelivered> {
    if owned.stage < Stage::Delivered {
        // They would get the new rights with the carrier, unless they get nothing any more.
        let found = directory::look_up_active(&ctx.api, &ctx.vault, &owned.viewer).await;
        if let Err(error @ DirectoryError::Retired(_)) = found {
            return Err(ShareError::from(error).into());
        }
        return Err(Undelivered::NoCarrierYet(owned.viewer.clone()));
    }
    let peers = peers(ctx).await?;
    Ok(rights::send(ctx, &peers, owned).await?)
}
