//! Changes of rights and their report, shared by `rights`, `revoke` and `approve`.

use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;

use crate::commands::error::PeersError;
use crate::commands::peers::peers;
use crate::control;
use crate::flows::context::Context;
use crate::flows::rights::{self, RightsError};
use crate::flows::share::ShareError;
use crate::output::{Report, moment};
use crate::text::prefix::short;
use crate::vault::records::{GrantOwned, Stage};

/// The result of a change.
#[derive(Debug)]
pub struct Changed {
    pub grant: GrantId,
    viewer: UserName,
    rights: Rights,
    /// Views used before the change.
    used: u32,
    in_mailbox: bool,
    undelivered: Option<Undelivered>,
}

/// Rights that the viewer does not have yet.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("{0} does not have the carrier yet; the new rights are sent with it")]
    NoCarrierYet(UserName),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Share(#[from] ShareError),
}

/// Signs the next version with these changes, records it in the ledger and sends it to the viewer.
///
/// # Errors
/// When the ledger does not record it. A viewer who cannot be reached is no error: the mailbox
/// keeps the rights for them.
pub async fn change_and_send(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<Changed, RightsError> {
    let recorded = rights::record(ctx, owned, edit).await?;
    let undelivered = send(ctx, &recorded.owned).await.err();
    if undelivered.is_some() {
        control::wake(ctx.vault.home()).await;
    }
    Ok(Changed {
        grant: recorded.owned.grant,
        viewer: recorded.owned.viewer,
        rights: recorded.rights,
        used: recorded.used,
        in_mailbox: recorded.in_mailbox && undelivered.is_some(),
        undelivered,
    })
}

async fn send(ctx: &Context, owned: &GrantOwned) -> Result<(), Undelivered> {
    if owned.stage < Stage::Delivered {
        return Err(Undelivered::NoCarrierYet(owned.viewer.clone()));
    }
    let peers = peers(ctx).await?;
    Ok(rights::send(ctx, &peers, owned).await?)
}

impl Changed {
    /// The report of the change.
    #[must_use]
    pub fn report(&self) -> Report {
        let Rights {
            version,
            permitted,
            expires,
            revoked,
            may_save,
            ..
        } = &self.rights;
        let grant = short(&self.grant);
        let what = if *revoked {
            format!("{grant} is revoked")
        } else {
            let until = expires.map_or_else(String::new, |at| format!(" until {}", moment(at)));
            let save = if *may_save { ", may save" } else { "" };
            let left = permitted.saturating_sub(self.used);
            let views = if *permitted == 1 { "view" } else { "views" };
            format!(
                "{grant}: {permitted} {views} in total, {} used and {left} left{until}{save}",
                self.used
            )
        };
        let text = match &self.undelivered {
            None => format!("{what}; {} has it.", self.viewer),
            Some(why) => format!(
                "{what}. It is recorded in the ledger, and in the mailbox for {}: {why}",
                self.viewer
            ),
        };
        let report = Report::new(text)
            .with("grant", self.grant)
            .with("viewer", &self.viewer)
            .with("version", version)
            .with("permitted", permitted)
            .with("used", self.used)
            .with("expires", expires)
            .with("revoked", revoked)
            .with("may_save", may_save)
            .with("delivered", self.undelivered.is_none())
            .with("in_mailbox", self.in_mailbox);
        match self.undelivered {
            None => report,
            Some(_) => report.queued(),
        }
    }
}
