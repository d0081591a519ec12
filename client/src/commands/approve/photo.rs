//! Sharing of the photo of an approved request, and its report.

use std::time::Duration;

use tokio::sync::broadcast;

use super::Approved;
use super::error::Error;
use crate::commands::peers::peers;
use crate::commands::unsent::why_unsent;
use crate::control;
use crate::flows::context::Context;
use crate::flows::notices::{Notice, Notices};
use crate::flows::share;
use crate::output::{Output, Report};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantOwned, Incoming, OutboxKey, Stage};
use crate::vault::{VaultError, WorkLock, WorkLockError};

/// Bound on the wait for the agent while it works on the same request.
const AGENT_DEADLINE: Duration = Duration::from_secs(60);

/// The grant, and the result of its delivery. A delivery that stays in the outbox is no failure.
type Made = (GrantOwned, Result<(), Error>);

pub(super) async fn share(
    ctx: &Context,
    out: Output,
    incoming: &Incoming,
) -> Result<Approved, Error> {
    let notices = Notices::default();
    let bar = out.bar("sharing");
    let steps = tokio::spawn(follow(notices.listen(), bar.clone()));
    let made = hand_over(ctx, incoming, &notices, AGENT_DEADLINE).await;
    steps.abort();
    bar.finish_and_clear();
    let agent = match &made {
        Ok((_, Ok(()))) => false,
        _ => leave_to_agent(ctx, incoming, &made).await?,
    };
    match made {
        Ok((owned, delivered)) => Ok(recorded_report(incoming, &owned, delivered, agent)),
        Err(error) if !error.goes_on() => Err(error),
        Err(error) if agent => Ok(left_to_agent(incoming, error)),
        Err(error) => Err(Error::StaysApproved(Box::new(error))),
    }
}

async fn follow(mut notices: broadcast::Receiver<Notice>, bar: indicatif::ProgressBar) {
    while let Ok(notice) = notices.recv().await {
        if let Notice::Sharing { step, .. } = notice {
            bar.set_message(step);
        }
    }
}

async fn hand_over(
    ctx: &Context,
    incoming: &Incoming,
    notices: &Notices,
    patience: Duration,
) -> Result<Made, Error> {
    let home = ctx.vault.home();
    let lock = WorkLock::on(home, OutboxKey::Share(incoming.request), patience).await?;
    let owned = share::make(ctx, notices, &incoming.request).await?;
    drop(lock);
    match send(ctx, &owned, notices, patience).await {
        Ok(owned) => Ok((owned, Ok(()))),
        Err(error) => {
            let owned = share::find_owned(ctx, &owned.grant)?;
            if owned.stage >= Stage::Delivered {
                tracing::info!(%error, "the receipt will be recorded later");
                return Ok((owned, Ok(())));
            }
            if error.is_put_off() {
                return Ok((owned, Err(error)));
            }
            Err(Error::NotTaken {
                grant: owned.grant,
                source: Box::new(error),
            })
        }
    }
}

async fn send(
    ctx: &Context,
    owned: &GrantOwned,
    notices: &Notices,
    patience: Duration,
) -> Result<GrantOwned, Error> {
    let sending = OutboxKey::Deliver(owned.grant);
    let lock = WorkLock::on(ctx.vault.home(), sending, patience).await;
    let _lock = lock.map_err(|error| match error {
        WorkLockError::Busy => Error::Sending(owned.viewer.clone()),
        error => error.into(),
    })?;
    let peers = peers(ctx).await?;
    Ok(share::hand_over(ctx, &peers, notices, &owned.grant).await?)
}

/// Makes the agent continue at once, also with items that it has given up. False when no agent
/// runs.
async fn leave_to_agent(
    ctx: &Context,
    incoming: &Incoming,
    made: &Result<Made, Error>,
) -> Result<bool, VaultError> {
    Attempts::reset(&ctx.vault, OutboxKey::Share(incoming.request))?;
    if let Ok((owned, _)) = made {
        Attempts::reset(&ctx.vault, OutboxKey::Deliver(owned.grant))?;
    }
    Ok(control::wake(ctx.vault.home()).await)
}

fn recorded_report(
    incoming: &Incoming,
    owned: &GrantOwned,
    delivered: Result<(), Error>,
    agent: bool,
) -> Approved {
    let (viewer, grant) = (&incoming.viewer, short(&owned.grant));
    let text = match &delivered {
        Ok(()) => format!("{viewer} has it (grant {grant})."),
        Err(error) => {
            let why = why_unsent(viewer, error);
            let then = match agent {
                true => "Your agent sends it.",
                false => "It is sent when `cameo agent` runs here, or when you approve it again.",
            };
            format!(
                "It is recorded (grant {grant}), and {viewer} does not have it yet: {why}. {then}"
            )
        }
    };
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("grant", owned.grant)
        .with("viewer", viewer)
        .with("delivered", delivered.is_ok())
        .with("worker", owned.worker)
        .with("leader", owned.leader);
    Approved {
        report: match delivered {
            Ok(()) => report,
            Err(_) => report.queued(),
        },
        undelivered: Some(delivered),
    }
}

fn left_to_agent(incoming: &Incoming, error: Error) -> Approved {
    let text = "Approved. Your agent continues with it: `cameo requests` shows its state.";
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("viewer", &incoming.viewer)
        .with("delivered", false)
        .queued();
    Approved {
        report,
        undelivered: Some(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{World, alone, keep_request, owned};
    use crate::error_kind::{Classified, ErrorKind};
    use crate::output::Completion;
    use crate::vault::records::IncomingState;

    /// An approved request whose grant has reached this stage.
    fn approved(stage: Stage) -> (World, Incoming, GrantOwned) {
        let world = alone();
        let grant = owned(stage);
        world.vault().put(&grant.grant.to_string(), &grant).unwrap();
        let incoming = keep_request(&world, IncomingState::Granted(grant.grant));
        (world, incoming, grant)
    }

    async fn at_once(world: &World, incoming: &Incoming) -> Result<Made, Error> {
        let notices = Notices::default();
        hand_over(&world.core.ctx, incoming, &notices, Duration::ZERO).await
    }

    #[tokio::test]
    async fn a_delivery_in_progress_by_the_agent_is_reported_as_queued() {
        let (world, incoming, grant) = approved(Stage::Recorded);
        let sending = OutboxKey::Deliver(grant.grant);
        let _agent = WorkLock::try_on(world.vault().home(), sending)
            .unwrap()
            .unwrap();
        let (owned, delivered) = at_once(&world, &incoming).await.unwrap();
        let error = delivered.as_ref().unwrap_err();
        assert!(matches!(error, Error::Sending(_)), "{error}");

        let report = recorded_report(&incoming, &owned, delivered, true).report;
        assert_eq!(report.completion(), Completion::Queued);
        assert_eq!(report.fields()["delivered"], false);
        assert!(report.text().contains("is recorded"), "{}", report.text());
    }

    #[tokio::test]
    async fn a_photo_in_progress_by_the_agent_is_left_to_it() {
        let (world, incoming, _) = approved(Stage::CarrierReady);
        let making = OutboxKey::Share(incoming.request);
        let _agent = WorkLock::try_on(world.vault().home(), making)
            .unwrap()
            .unwrap();
        let error = at_once(&world, &incoming).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        let report = left_to_agent(&incoming, error).report;
        assert_eq!(report.completion(), Completion::Queued);
    }

    #[tokio::test]
    async fn a_delivered_photo_counts_as_delivered_while_the_ledger_is_away() {
        let (world, incoming, _) = approved(Stage::Delivered);
        let (owned, delivered) = at_once(&world, &incoming).await.unwrap();
        assert!(delivered.is_ok());
        assert_eq!(owned.stage, Stage::Delivered);
    }

    #[tokio::test]
    async fn a_delivery_that_was_given_up_is_scheduled_again() {
        let (world, incoming, grant) = approved(Stage::Recorded);
        let sending = OutboxKey::Deliver(grant.grant);
        let refused = Attempts {
            key: sending,
            count: 1,
            next: Attempts::GIVEN_UP,
            last_error: "no".into(),
        };
        world.vault().put(&sending.id(), &refused).unwrap();
        let out = Output::default();
        let shared = share(&world.core.ctx, out, &incoming).await.unwrap();
        assert_eq!(shared.report.completion(), Completion::Queued);
        assert_eq!(world.vault().get::<Attempts>(&sending.id()).unwrap(), None);
    }

    #[tokio::test]
    async fn a_failure_of_the_agent_is_reported_with_its_reason() {
        let world = alone();
        let why = "the photo is missing".to_owned();
        let incoming = keep_request(&world, IncomingState::Failed { why, told: false });
        let error = at_once(&world, &incoming).await.unwrap_err();
        assert!(
            matches!(error, Error::Share(share::ShareError::FailedBefore { .. })),
            "{error}"
        );
        assert!(
            error.to_string().contains("the photo is missing"),
            "{error}"
        );
    }

    #[test]
    fn a_definite_refusal_is_a_failure_and_a_passing_one_is_not() {
        use crate::peer::CallError;
        use cameo_common::peer::PeerRefusal;
        let is_put_off = |code| {
            let message = "no".to_owned();
            let refused = CallError::Refused { code, message }.of("ada");
            Error::Share(refused.into()).is_put_off()
        };
        assert!(is_put_off(PeerRefusal::TooMany) && is_put_off(PeerRefusal::Failed));
        assert!(!is_put_off(PeerRefusal::NotAccepted) && !is_put_off(PeerRefusal::IdentityChanged));
    }
}
