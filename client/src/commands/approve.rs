//! `approve`: yes to a request. The photo is sealed, hidden, recorded and sent.

use std::time::Duration;

use cameo_common::ids::whole_millis;
use clap::Args;
use tokio::sync::broadcast;

use super::{incoming, length_of_time, rights, views};
use crate::cli::exit::{Exit, Failure};
use crate::control;
use crate::flows::context::Context;
use crate::flows::notices::{Notice, Notices};
use crate::flows::share;
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::records::{
    Asked, Attempts, GrantOwned, Image, Incoming, IncomingState, OutboxKey, Stage, Terms, change,
};
use crate::vault::work_lock::Working;

/// Longest wait for the agent, when it is at the same request.
const AGENT_DEADLINE: Duration = Duration::from_secs(60);

/// What `approve` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The request's id, or its first digits; `cameo requests` lists them.
    #[arg(value_name = "ID")]
    id: String,
    /// How many views; else as the image was added. For "more views": in total.
    #[arg(long, value_parser = views)]
    views: Option<u32>,
    /// How long he may look; else as the image was added.
    #[arg(long, value_parser = length_of_time)]
    expires: Option<Duration>,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    let incoming = incoming(ctx, &arguments.id)?;
    match (&incoming.asked, &incoming.state) {
        (_, IncomingState::Denied { .. }) => Err(Failure::usage(
            "this request was turned down already; the viewer can ask again",
        )),
        // Each time would give as many again.
        (Asked::More(grant), IncomingState::Granted(_)) => Err(Failure::usage(format!(
            "this request was approved already; `cameo rights {} --views N` changes how many views there are",
            short(grant)
        ))),
        (Asked::More(grant), _) => {
            let owned = share::owned(ctx, grant)?;
            more(ctx, &incoming, owned, &arguments).await
        }
        (Asked::Photo(_), state) => {
            let terms = terms(ctx, &incoming, &arguments)?;
            share::no_other(ctx, &incoming)?;
            if matches!(state, IncomingState::Waiting | IncomingState::Failed { .. }) {
                change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
                    kept.state = IncomingState::Approved(terms);
                })?;
            }
            photo(ctx, &incoming).await
        }
    }
}

fn terms(ctx: &Context, incoming: &Incoming, arguments: &Arguments) -> Result<Terms, Failure> {
    let image = ctx.vault.get::<Image>(&incoming.image.to_string())?;
    let image = image.ok_or_else(|| {
        Failure::not_found("the image is not in your gallery any more; deny the request")
    })?;
    Ok(Terms {
        views: arguments.views.unwrap_or(image.terms.views),
        expires_after_ms: arguments
            .expires
            .map(whole_millis)
            .or(image.terms.expires_after_ms),
        may_save: image.terms.may_save,
    })
}

async fn photo(ctx: &Context, incoming: &Incoming) -> Result<Report, Failure> {
    let notices = Notices::default();
    let bar = ctx.out.bar("sharing");
    let steps = tokio::spawn(follow(notices.listen(), bar.clone()));
    let made = hand_over(ctx, incoming, &notices, AGENT_DEADLINE).await;
    steps.abort();
    bar.finish_and_clear();
    let agent = match &made {
        Ok((_, Ok(()))) => false,
        _ => left_to_be_done(ctx, incoming, &made).await?,
    };
    match made {
        Ok((owned, delivered)) => Ok(recorded(incoming, &owned, &delivered, agent)),
        Err(error) if !goes_on(&error) => Err(error),
        Err(error) if agent => Ok(left_to_agent(incoming, &error)),
        Err(error) => Err(Failure {
            message: format!(
                "{error}. The request stays approved: run `cameo agent`, which goes on with it, or approve it once more"
            ),
            ..error
        }),
    }
}

/// Has the agent go on at once, whatever it has given up before; false when none runs.
async fn left_to_be_done(
    ctx: &Context,
    incoming: &Incoming,
    made: &Result<Made, Failure>,
) -> Result<bool, Failure> {
    Attempts::forget(&ctx.vault, OutboxKey::Share(incoming.request))?;
    if let Ok((owned, _)) = made {
        Attempts::forget(&ctx.vault, OutboxKey::Deliver(owned.grant))?;
    }
    Ok(control::wake(ctx.vault.home()).await)
}

/// Whether the photo may yet be made, by itself: the request stays approved.
fn goes_on(error: &Failure) -> bool {
    error.exit == Exit::NoQuorum || [share::BUSY, share::NO_WORKER].contains(&error.code)
}

fn recorded(
    incoming: &Incoming,
    owned: &GrantOwned,
    delivered: &Result<(), Failure>,
    agent: bool,
) -> Report {
    let (viewer, grant) = (&incoming.viewer, short(&owned.grant));
    let text = match delivered {
        Ok(()) => format!("{viewer} has it (grant {grant})."),
        Err(error) if agent => format!("It is recorded (grant {grant}). {error}."),
        Err(error) => format!(
            "It is recorded (grant {grant}). {error}. Nobody sends it before `cameo agent` runs here, or you approve it once more."
        ),
    };
    let why = delivered.as_ref().err().map(|error| error.code);
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("grant", owned.grant)
        .with("viewer", viewer)
        .with("delivered", delivered.is_ok())
        .with("why", why)
        .with("worker", owned.worker)
        .with("leader", owned.leader);
    match delivered {
        Ok(()) => report,
        Err(_) => report.ending(Exit::Queued),
    }
}

fn left_to_agent(incoming: &Incoming, error: &Failure) -> Report {
    let text = "Approved, and left to your agent, which goes on with it: `cameo requests` shows how it stands.";
    Report::new(text)
        .with("request", incoming.request)
        .with("viewer", &incoming.viewer)
        .with("delivered", false)
        .with("why", error.code)
        .ending(Exit::Queued)
}

/// The grant, and whether it has reached the viewer. That it has not is no failure while it waits.
type Made = (GrantOwned, Result<(), Failure>);

async fn hand_over(
    ctx: &Context,
    incoming: &Incoming,
    notices: &Notices,
    patience: Duration,
) -> Result<Made, Failure> {
    let home = ctx.vault.home();
    let working = Working::on(home, OutboxKey::Share(incoming.request), patience).await?;
    let owned = share::make(ctx, notices, &incoming.request).await?;
    drop(working);
    match send(ctx, &owned, notices, patience).await {
        Ok(owned) => Ok((owned, Ok(()))),
        Err(error) if waits(&error) => Ok((owned, Err(error))),
        Err(error) => {
            let owned = share::owned(ctx, &owned.grant)?;
            if owned.stage >= Stage::Delivered {
                tracing::info!(%error, "the ledger gets the receipt later");
                return Ok((owned, Ok(())));
            }
            Err(error.with("grant", owned.grant.to_string()))
        }
    }
}

async fn send(
    ctx: &Context,
    owned: &GrantOwned,
    notices: &Notices,
    patience: Duration,
) -> Result<GrantOwned, Failure> {
    let sending = OutboxKey::Deliver(owned.grant);
    let working = Working::on(ctx.vault.home(), sending, patience).await;
    let _working = working.map_err(|error| match error.code {
        "busy" => Failure {
            message: format!(
                "Your agent, or another process of this home, is sending this or another carrier; `cameo shared` shows when {} has it",
                owned.viewer
            ),
            ..error
        },
        _ => error,
    })?;
    let peers = ctx.peers().await?;
    share::hand_over(ctx, &peers, notices, &owned.grant).await
}

/// Whether a delivery that did not work is only put off: it is in the outbox.
fn waits(error: &Failure) -> bool {
    matches!(error.exit, Exit::Queued | Exit::NoQuorum)
        || matches!(error.code, "busy" | "too_many" | "peer_failed")
}

async fn follow(mut notices: broadcast::Receiver<Notice>, bar: indicatif::ProgressBar) {
    while let Ok(notice) = notices.recv().await {
        if let Notice::Sharing { step, .. } = notice {
            bar.set_message(step);
        }
    }
}

async fn more(
    ctx: &Context,
    incoming: &Incoming,
    owned: GrantOwned,
    arguments: &Arguments,
) -> Result<Report, Failure> {
    let now = owned.rights.peek()?.permitted;
    let usual = ctx.vault.get::<Image>(&incoming.image.to_string())?;
    let usual = usual.map_or(1, |image| image.terms.views);
    let total = arguments.views.unwrap_or_else(|| now.saturating_add(usual));
    let changed = rights::change_and_send(ctx, owned, |next| {
        next.permitted = total;
        if let Some(after) = arguments.expires {
            next.expires = Some(crate::clock::now().plus(after));
        }
    })
    .await?;
    change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
        kept.state = IncomingState::Granted(changed.grant);
    })?;
    Ok(changed.report().with("request", incoming.request))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{World, alone, keep_wish, owned};

    /// An approved wish whose grant has come so far.
    fn approved(stage: Stage) -> (World, Incoming, GrantOwned) {
        let world = alone();
        let grant = owned(stage);
        world.vault().put(&grant.grant.to_string(), &grant).unwrap();
        let incoming = keep_wish(&world, IncomingState::Granted(grant.grant));
        (world, incoming, grant)
    }

    async fn at_once(world: &World, incoming: &Incoming) -> Result<Made, Failure> {
        let notices = Notices::default();
        hand_over(&world.core.ctx, incoming, &notices, Duration::ZERO).await
    }

    #[tokio::test]
    async fn a_delivery_that_the_agent_is_at_is_queued_and_no_failure() {
        let (world, incoming, grant) = approved(Stage::Recorded);
        let sending = OutboxKey::Deliver(grant.grant);
        let _agent = Working::try_on(world.vault().home(), sending)
            .unwrap()
            .unwrap();
        let (owned, delivered) = at_once(&world, &incoming).await.unwrap();
        assert_eq!(delivered.as_ref().unwrap_err().code, "busy");

        let report = recorded(&incoming, &owned, &delivered, true);
        assert_eq!(report.exit, Exit::Queued);
        assert_eq!(report.fields()["delivered"], false);
        assert!(report.text().contains("is recorded"), "{}", report.text());
    }

    #[tokio::test]
    async fn a_photo_that_the_agent_is_at_is_left_to_it() {
        let (world, incoming, _) = approved(Stage::Carried);
        let making = OutboxKey::Share(incoming.request);
        let _agent = Working::try_on(world.vault().home(), making)
            .unwrap()
            .unwrap();
        let error = at_once(&world, &incoming).await.unwrap_err();
        assert_eq!(error.code, share::BUSY);
        assert_eq!(left_to_agent(&incoming, &error).exit, Exit::Queued);
    }

    #[tokio::test]
    async fn a_photo_that_is_there_is_delivered_though_the_ledger_is_away() {
        let (world, incoming, _) = approved(Stage::Delivered);
        let (owned, delivered) = at_once(&world, &incoming).await.unwrap();
        assert_eq!((owned.stage, delivered), (Stage::Delivered, Ok(())));
    }

    #[tokio::test]
    async fn what_was_given_up_is_sent_when_it_is_said_that_it_will_be() {
        let (world, incoming, grant) = approved(Stage::Recorded);
        let sending = OutboxKey::Deliver(grant.grant);
        let refused = Attempts {
            key: sending,
            count: 1,
            next: Attempts::GIVEN_UP,
            last_error: "no".into(),
        };
        world.vault().put(&sending.id(), &refused).unwrap();
        let report = photo(&world.core.ctx, &incoming).await.unwrap();
        assert_eq!(report.exit, Exit::Queued);
        assert_eq!(world.vault().get::<Attempts>(&sending.id()).unwrap(), None);
    }

    #[tokio::test]
    async fn a_photo_that_the_agent_failed_at_meanwhile_is_told_with_the_reason() {
        let world = alone();
        let why = "the photo is missing".to_owned();
        let incoming = keep_wish(&world, IncomingState::Failed { why, told: false });
        let error = at_once(&world, &incoming).await.unwrap_err();
        assert_eq!(error.code, "share_failed");
        assert!(error.message.contains("the photo is missing"), "{error}");
    }

    #[test]
    fn what_the_viewer_refuses_is_a_failure_and_what_he_puts_off_is_none() {
        use cameo_common::peer::PeerRefusal;
        let told = |code| waits(&crate::cli::exit::refused("ada", code, "no"));
        assert!(told(PeerRefusal::TooMany) && told(PeerRefusal::Failed));
        assert!(!told(PeerRefusal::NotAccepted) && !told(PeerRefusal::IdentityChanged));
    }
}
