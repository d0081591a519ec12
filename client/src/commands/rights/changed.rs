//! Changes of rights and their report, shared by `rights`, `revoke` and `approve`.

use cameo_common::ids::{GrantId, Millis, UserName};
use cameo_common::rights::Rights;
use serde_json::{Value, json};

use crate::commands::error::PeersError;
use crate::commands::peers::peers;
use crate::control;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::rights::{self, Confirmations, RightsError};
use crate::flows::share::ShareError;
use crate::output::{Report, moment};
use crate::text::prefix::short;
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
    #[error("{0} does not have the carrier yet; the new rights are sent with it")]
    NoCarrierYet(UserName),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Share(#[from] ShareError),
}

impl Undelivered {
    /// Whether the viewer never gets it.
    fn is_for_good(&self) -> bool {
        matches!(self, Undelivered::Share(error) if error.kind() == ErrorKind::Retired)
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
        Attempts::give_up(&ctx.vault, key, why.to_string())?;
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
            format!("{grant}: all rights revoked")
        } else {
            let until = expires.map_or_else(String::new, |at| format!(" until {}", moment(at)));
            let save = if *may_save { ", may save" } else { "" };
            let views = if *permitted == 1 { "view" } else { "views" };
            let used = self.used.map_or_else(String::new, |used| {
                let left = permitted.saturating_sub(used);
                format!(", {used} used and {left} left")
            });
            format!("{grant}: {permitted} {views} in total{used}{until}{save}")
        };
        let sent = match &self.undelivered {
            None => format!("{} has it.", self.viewer),
            Some(why) if why.is_for_good() => format!(
                "It is not sent to {0}: the operator has retired {0}, who opens nothing any more.",
                self.viewer
            ),
            Some(why) => format!("It is in the mailbox for {}: {why}", self.viewer),
        };
        let force = self.force();
        let recorded = || "It is recorded in the ledger.".to_owned();
        let mut sentences = vec![format!("{what}."), force.unwrap_or_else(recorded)];
        sentences.extend(self.warnings());
        sentences.push(sent);
        let text = sentences.join(" ");
        let report = Report::new(text)
            .with("grant", self.grant)
            .with("viewer", &self.viewer)
            .with("version", version)
            .with("permitted", permitted)
            .with("used", self.used)
            .with("expires", expires)
            .with("revoked", revoked)
            .with("may_save", may_save)
            .with("restored", self.is_restored)
            .with("expired", self.is_expired)
            .with("delivered", self.undelivered.is_none())
            .with("in_mailbox", self.in_mailbox)
            .with("viewer_retired", self.is_viewer_retired())
            .with("confirmation", self.confirmation());
        let is_settled = self.undelivered.is_none() || self.is_viewer_retired();
        if is_settled && is_in_force(self.confirmed.as_ref()) {
            report
        } else {
            report.queued()
        }
    }

    /// What the change does beside the numbers that were asked for.
    fn warnings(&self) -> Vec<String> {
        let (grant, viewer) = (short(&self.grant), &self.viewer);
        let mut warnings = Vec::new();
        if self.is_restored {
            warnings.push(format!(
                "These rights were REVOKED before, and this change has restored them: `cameo \
                 revoke {grant}` revokes them again."
            ));
        }
        if self.is_expired {
            warnings.push(format!(
                "They have EXPIRED: {viewer} opens nothing with them, whatever the number of \
                 views. `cameo rights {grant} --expires TIME` sets another time."
            ));
        }
        warnings
    }

    fn is_viewer_retired(&self) -> bool {
        let undelivered = self.undelivered.as_ref();
        undelivered.is_some_and(Undelivered::is_for_good)
    }

    /// Whether an ending is in force, in a sentence.
    fn force(&self) -> Option<String> {
        Some(match self.confirmed.as_ref()? {
            Ok(found) if found.is_in_force() => format!(
                "It is in force: {} of {} nodes have confirmed it, and {} are needed.",
                found.confirmed, found.holders, found.needed
            ),
            Ok(found) => format!(
                "It is recorded, and NOT known to be in force: {} of {} nodes have confirmed it, \
                 and {} are needed. Your agent goes on to ask while it runs; `cameo shared` tells.",
                found.confirmed, found.holders, found.needed
            ),
            Err(why) => format!("It is recorded, and NOT known to be in force: {why}."),
        })
    }

    /// The same for programs; null for what is no ending.
    fn confirmation(&self) -> Option<Value> {
        Some(match self.confirmed.as_ref()? {
            Ok(found) => json!({
                "in_force": found.is_in_force(), "confirmed": found.confirmed,
                "needed": found.needed, "holders": found.holders,
            }),
            Err(why) => json!({ "in_force": false, "error": why.to_string() }),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::keys::PublicKey;

    use super::*;

    fn changed(expires: Option<Millis>, is_restored: bool) -> Changed {
        let rights = Rights {
            owner: PublicKey([1; 32]),
            grant: GrantId([0xab; 32]),
            version: 4,
            permitted: 9,
            expires,
            revoked: false,
            may_save: false,
            offline: 0,
        };
        Changed {
            grant: rights.grant,
            viewer: "ben".parse().unwrap(),
            is_expired: is_expired(&rights, Millis(50)),
            rights,
            is_restored,
            used: Some(0),
            in_mailbox: false,
            undelivered: None,
            confirmed: None,
        }
    }

    #[test]
    fn more_views_of_an_expired_grant_are_said_to_open_nothing() {
        // given rights that end later, never, and that have ended
        for (expires, is_expired) in [
            (Some(Millis(51)), false),
            (None, false),
            (Some(Millis(50)), true),
        ] {
            // when their views are raised
            let report = changed(expires, false).report();
            // then the result says whether that opens anything
            assert_eq!(report.fields()["expired"], is_expired);
            assert_eq!(report.text().contains("EXPIRED"), is_expired);
            assert_eq!(report.text().contains("--expires"), is_expired);
        }
    }

    #[test]
    fn a_change_that_restores_revoked_rights_says_so_in_its_result() {
        for restored in [false, true] {
            let report = changed(None, restored).report();
            assert_eq!(report.fields()["restored"], restored);
            assert_eq!(report.text().contains("REVOKED before"), restored);
        }
    }
}
