//! The report of one requested image.

use cameo_common::ids::UserName;
use cameo_common::peer::AskOutcome;

use super::error::ImageError;
use crate::directory::ResolvedUser;
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState};

/// What is known when the command ends.
pub(super) struct Known {
    pub outcome: AskOutcome,
    /// The final state, if it was reached.
    pub ended: Option<OutgoingState>,
    /// Whether the command was not to wait.
    pub no_wait: bool,
    /// Whether an agent of this home goes on after this command.
    pub agent: bool,
}

pub(super) fn report(
    ctx: &Context,
    person: &ResolvedUser,
    outgoing: &Outgoing,
    known: Known,
) -> Result<Report, ImageError> {
    let who = &person.name;
    let Known {
        outcome,
        ended,
        no_wait,
        agent,
    } = known;
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
            let report = Report::new(unanswered(who, waiting, agent))
                .with("state", if waiting { "waiting" } else { "preparing" })
                .with("request", outgoing.request)
                .with("agent", agent);
            Ok(if waiting || no_wait {
                report
            } else {
                report.queued()
            })
        }
    }
}

/// Of a request that stands: what it waits for, and what receives the carrier.
pub(super) fn unanswered(owner: &UserName, waiting: bool, agent: bool) -> String {
    let state = match waiting {
        true => format!("{owner} has to decide"),
        false => format!("{owner}'s agent prepares it"),
    };
    let then = if waiting { " after an approval" } else { "" };
    match agent {
        true => format!("{state}; your agent receives the carrier{then}."),
        false => format!(
            "{state}. NO AGENT runs in this home, so nothing is received now: run `cameo agent`, \
             which receives the carrier{then}."
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{IMAGE, alone, somebody};
    use crate::flows::request;

    #[tokio::test]
    async fn nothing_is_promised_in_the_name_of_an_agent_that_does_not_run() {
        let world = alone();
        let (ctx, ada) = (&world.core.ctx, somebody("ada"));
        let sent = request::request(ctx, &ada, IMAGE, String::new(), "").unwrap();
        for outcome in [AskOutcome::Waiting, AskOutcome::Preparing] {
            for agent in [false, true] {
                // given a request that stands, with an agent or without
                let known = Known {
                    outcome,
                    ended: None,
                    no_wait: true,
                    agent,
                };
                let report = report(ctx, &ada, &sent, known).unwrap();
                // then its result says whether anything receives the carrier
                assert_eq!(report.fields()["agent"], agent);
                assert_eq!(report.text().contains("your agent receives"), agent);
                assert_eq!(report.text().contains("run `cameo agent`"), !agent);
            }
        }
    }
}
