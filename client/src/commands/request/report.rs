//! The report of one requested image.

use cameo_common::peer::AskOutcome;

use super::error::ImageError;
use crate::directory::ResolvedUser;
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState};

pub(super) fn report(
    ctx: &Context,
    person: &ResolvedUser,
    outgoing: &Outgoing,
    outcome: AskOutcome,
    ended: Option<OutgoingState>,
    no_wait: bool,
) -> Result<Report, ImageError> {
    let who = &person.name;
    match ended {
        Some(OutgoingState::Arrived(grant)) => {
            let held = ctx
                .vault
                .get::<GrantHeld>(&grant.to_string())?
                .ok_or(ImageError::Gone)?;
            let rights = held.rights.unverified().map_err(LedgerError::from)?;
            let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
            let text = format!(
                "Received: {}\n`cameo view {}` uses 1 of {} views.",
                carrier.display(),
                short(&grant),
                rights.permitted
            );
            Ok(Report::new(text)
                .with("state", "arrived")
                .with("request", outgoing.request)
                .with("grant", grant)
                .with("carrier", carrier)
                .with("views", rights.permitted))
        }
        Some(OutgoingState::Denied(reason)) => Err(ImageError::Denied {
            owner: who.clone(),
            reason,
        }),
        Some(OutgoingState::Failed) => Err(ImageError::ShareFailed {
            owner: who.clone(),
            request: outgoing.request,
        }),
        _ => {
            let waiting = outcome == AskOutcome::Waiting;
            let text = if waiting {
                format!("{who} has to decide; your agent receives the carrier after an approval.")
            } else {
                format!("{who}'s agent prepares it; your agent receives it.")
            };
            let report = Report::new(text)
                .with("state", if waiting { "waiting" } else { "preparing" })
                .with("request", outgoing.request);
            Ok(if waiting || no_wait {
                report
            } else {
                report.queued()
            })
        }
    }
}
